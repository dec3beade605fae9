// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

/// Changes from the command line: asked for where they cannot be taken back, tried where somebody wants to see first.
@Suite(.gateway())
struct CommandChangeTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    private func state(_ tenant: TestTenant) throws -> String {
        "\(try gateway.admin("GET", "/tenants/\(tenant.id)")) \(try gateway.admin("GET", "/keys/\(tenant.keyID)")["state"] ?? .null)"
    }

    @Test("What cannot be taken back is not done without --yes where nobody can be asked")
    func unconfirmed() throws {
        let tenant = try gateway.makeTenant()
        try gateway.admin("PUT", "/plans/doomed", ["daily_quota": 1])
        let before = try state(tenant)
        for arguments in [
            ["tenant", "delete", tenant.id], ["key", "revoke", tenant.keyID], ["plan", "delete", "doomed"],
            ["key", "rotate", tenant.keyID, "--overlap", "0"], ["token", "revoke", "abc"],
            ["signing-key", "rotate", "--immediately"],
        ] {
            let result = try gateway.command(arguments)
            #expect(result.end == .exited(64) && result.output == "", "\(arguments)")
            #expect(result.errors.contains("--yes"), "\(result.errors)")
        }
        #expect(try state(tenant) == before)
        #expect(try gateway.predict(tenant.key).status == 200)
        #expect(try gateway.admin("GET", "/plans/doomed")["daily_quota"] == 1)
    }

    @Test("On a terminal it is asked for: only yes does it")
    func asked() throws {
        let tenant = try gateway.makeTenant()
        for answer in ["\n", "n\n", "yess\n"] {
            let result = try gateway.command(["key", "revoke", tenant.keyID], answering: "[y/N]", with: answer)
            #expect(result.end == .exited(64) && result.errors.contains("nothing was done"))
            #expect(result.errors.contains("cannot be undone"))
        }
        #expect(try gateway.predict(tenant.key).status == 200)
        let result = try gateway.command(["key", "revoke", tenant.keyID], answering: "[y/N]", with: "yes\n")
        #expect(result.end == .exited(0), "\(result.errors)")
        #expect(try gateway.predict(tenant.key).status == 401)
    }

    @Test("A dry run shows the effect and changes nothing")
    func dryRuns() throws {
        let tenant = try gateway.makeTenant(plan: "standard")
        let before = try state(tenant)
        func effect(_ arguments: String...) throws -> JSON {
            let result = try gateway.command(arguments + ["--dry-run", "-o", "json"])
            #expect(result.end == .exited(0), "\(arguments): \(result.errors)")
            let answer = try JSON.parse(result.output.split(separator: "\n").joined())
            #expect(answer["dry_run"] == true)
            return answer
        }
        let deletion = try effect("tenant", "delete", tenant.id)
        #expect(deletion["before"]?["state"] == "active" && deletion["after"]?["state"] == "deleting")
        #expect(try effect("tenant", "disable", tenant.id)["after"]?["disabled"] == true)
        #expect(try effect("tenant", "set-plan", tenant.id, "unlimited")["after"]?["plan"] == "unlimited")
        #expect(try effect("tenant", "limits", tenant.id, "--requests", "5")["after"]?["limits"]?["rate"] != nil)
        #expect(try effect("key", "revoke", tenant.keyID)["after"]?["state"] == "revoked")
        #expect(try effect("key", "update", tenant.keyID, "--name", "new")["after"]?["name"] == "new")
        #expect(try effect("key", "limits", tenant.keyID, "--daily-quota", "7")["after"]?["daily_quota"] == 7)
        #expect(try effect("key", "rotate", tenant.keyID)["after"]?["previous_secret_ends_at"] != .null)
        #expect(try effect("plan", "set", "standard", "--daily-quota", "1")["tenants"]?.integer ?? 0 >= 1)
        #expect(try effect("plan", "set", "never", "--daily-quota", "1")["before"] == .null)
        #expect(try effect("tenant", "create", "never")["after"]?["id"] == "never")
        let key = try effect("key", "issue", "--tenant", tenant.id)
        #expect(key["after"]?["role"] == "tenant" && key["after"]?["id"] == nil && key["key"] == nil)

        #expect(try state(tenant) == before)
        #expect(try gateway.predict(tenant.key).status == 200)
        for arguments in [["tenant", "show", "never"], ["plan", "show", "never"]] {
            #expect(try gateway.command(arguments).end == .exited(2))
        }
        #expect(try gateway.admin("GET", "/plans/standard")["daily_quota"] != 1)
        let keys = try gateway.command(["key", "list", "--tenant", tenant.id, "-o", "json"]).output
        #expect(keys.split(separator: "\n").count == 1)
        let table = try gateway.command(["tenant", "delete", tenant.id, "--dry-run"]).output
        #expect(table.hasPrefix("Dry run, nothing was changed: tenant/\(tenant.id) would change.\nFIELD"))
        #expect(table.contains("state") && table.contains("active") && table.contains("deleting"))
    }

    @Test("A dry run is refused as the change itself would be")
    func refusals() throws {
        let tenant = try gateway.makeTenant(plan: "standard")
        for (arguments, code) in [
            (["tenant", "create", tenant.id], "conflict"), (["plan", "delete", "standard"], "conflict"),
            (["tenant", "set-plan", tenant.id, "nothing"], "field_invalid"),
            (["tenant", "restore", tenant.id], "conflict"),
            (["tenant", "delete", tenant.id, "--if-revision", "9"], "precondition_failed"),
            (["tenant", "delete", "nobody"], "not_found"),
        ] {
            let result = try gateway.command(arguments + ["--dry-run"])
            #expect(result.end == .exited(2) && result.errors.contains("(\(code))"), "\(arguments) \(result.errors)")
        }
        let forbidden = try gateway.call("DELETE", "/tenants/\(tenant.id)?dry_run=true", key: gateway.auditorKey)
        try expectRefusal(forbidden, 403, "role_forbidden", of: gateway)
    }

    @Test("A dry run is on record as one, and not as a change")
    func records() throws {
        let tenant = try gateway.makeTenant()
        let dry = try gateway.call("DELETE", "/tenants/\(tenant.id)?dry_run=true")
        #expect(dry.status == 200 && dry.header("ETag") == nil)
        let record = try gateway.record(of: dry)
        #expect(record["action"] == "tenant.delete.dry_run" && record["change"] == nil)
        #expect(record["target"]?.string == "tenant/\(tenant.id)")
        let refused = try gateway.record(
            of: gateway.call("DELETE", "/tenants/\(tenant.id)?dry_run=true", key: gateway.auditorKey)
        )
        #expect(refused["action"] == "tenant.delete.dry_run")
        let real = try gateway.record(of: gateway.call("DELETE", "/tenants/\(tenant.id)?dry_run=false"))
        #expect(real["action"] == "tenant.delete" && real["change"] != nil)
    }

    @Test(
        "A dry run that is misspelt, or asked of what cannot be tried, does nothing",
        arguments: [
            "dryrun=true", "dry_run=yes", "dry_run=", "dry_run", "dry_run=true&dry_run=false", "dry_run=%zz", "x=1",
        ]
    )
    func misspelt(_ query: String) throws {
        let tenant = try gateway.makeTenant()
        let refused = try gateway.call("DELETE", "/tenants/\(tenant.id)?\(query)")
        try expectRefusal(refused, 400, "field_invalid", of: gateway)
        try expectRefusal(
            try gateway.call("DELETE", "/keys/\(tenant.keyID)?\(query)"),
            400,
            "field_invalid",
            of: gateway
        )
        #expect(try gateway.predict(tenant.key).status == 200)
        for (method, path) in [("DELETE", "/tokens/abc"), ("POST", "/reload"), ("POST", "/signing-keys")] {
            let answer = try gateway.call(method, "\(path)?dry_run=true", method == "POST" ? .object([]) : nil)
            try expectRefusal(answer, 400, "field_invalid", of: gateway)
            let misspelt = try gateway.call(method, "\(path)?\(query)", method == "POST" ? .object([]) : nil)
            try expectRefusal(misspelt, 400, "field_invalid", of: gateway)
        }
    }

    @Test("An idempotency key is neither used up nor answered by a dry run")
    func idempotency() throws {
        let id = "tenant-\(TestRun.next())"
        let create = ["tenant", "create", id, "--idempotency-key", "dry-\(id)"]
        #expect(try gateway.command(create + ["--dry-run"]).end == .exited(0))
        #expect(try gateway.command(["tenant", "show", id]).end == .exited(2))
        #expect(try gateway.command(create).output.contains(id))
        #expect(try gateway.command(create + ["--dry-run"]).errors.contains("(conflict)"))
        #expect(try gateway.command(create).end == .exited(0))
    }
}
