// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// The command line, as operators and auditors use it.
@Suite(.gateway())
struct CommandTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    /// Runs a command that must succeed.
    private func run(_ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        let result = try gateway.command(arguments)
        #expect(result.end == .exited(0), "\(arguments): \(result.errors)", sourceLocation: sourceLocation)
        #expect(result.errors == "", sourceLocation: sourceLocation)
        return result.output
    }

    private func json(_ arguments: String...) throws -> [JSON] {
        let result = try gateway.command(arguments + ["--output", "json"])
        #expect(result.end == .exited(0), "\(arguments): \(result.errors)")
        return try result.output.split(separator: "\n").map { try JSON.parse(String($0)) }
    }

    @Test("A tenant's life: create, list, show, plan, disable, enable; as table and as JSON")
    func tenants() throws {
        let table = try run("tenant", "create", "acme", "--plan", "standard", "--display-name", "Acme Inc.")
        let lines = table.split(separator: "\n")
        try #require(lines.count == 2)
        #expect(lines[0].split(separator: " ") == ["ID", "PLAN", "DISABLED", "CREATED", "NAME"])
        #expect(lines[1].hasPrefix("acme  standard  false") && lines[1].hasSuffix("Acme Inc."))

        #expect(try run("tenant", "list").contains("Acme Inc."))
        #expect(try json("tenant", "list").contains { $0["id"] == "acme" && $0["display_name"] == "Acme Inc." })
        #expect(try json("tenant", "show", "acme").first?["plan"] == "standard")
        #expect(try json("tenant", "set-plan", "acme", "unlimited").first?["plan"] == "unlimited")
        let key = try run("key", "issue", "--tenant", "acme").trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(try gateway.predict(key).status == 200)
        #expect(try json("tenant", "disable", "acme").first?["disabled"] == true)
        #expect(try gateway.predict(key).status == 401)
        #expect(try json("tenant", "enable", "acme").first?["disabled"] == false)
        #expect(try gateway.predict(key).status == 200)
        #expect(try json("tenant", "show", "acme").first?["revision"] == 4)
    }

    @Test("Plans are set and listed, and hold at once for the tenants on them")
    func plans() throws {
        _ = try run(
            "plan",
            "set",
            "small",
            "--requests",
            "10",
            "--seconds",
            "60",
            "--burst",
            "20",
            "--daily-quota",
            "1000",
            "--concurrency",
            "5",
            "--models",
            "digits,digits-onnx"
        )
        let plan = try #require(try json("plan", "list").first { $0["name"] == "small" })
        #expect(plan["rate"] == ["requests": 10, "seconds": 60, "burst": 20])
        #expect(plan["daily_quota"] == 1000 && plan["concurrency"] == 5)
        #expect(plan["models"] == ["digits", "digits-onnx"])
        let tenant = try gateway.makeTenant(plan: "small")
        #expect(
            try gateway.predict(tenant.key).header("RateLimit-Policy")
                == "\"burst\";q=20;w=120, \"daily\";q=1000;w=86400"
        )
        _ = try run("plan", "set", "small", "--daily-quota", "7")
        #expect(try gateway.predict(tenant.key).header("RateLimit-Policy") == "\"daily\";q=7;w=86400")
        #expect(try run("plan", "list").contains("small"))
    }

    @Test("A key is issued, listed, shown and revoked; its text is seen once")
    func keys() throws {
        let tenant = try gateway.makeTenant()
        let issued = try run("key", "issue", "--tenant", tenant.id, "--name", "ci", "--models", "digits")
        let key = issued.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(key.wholeMatch(of: /tg_live_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}/) != nil)
        let id = String(key.dropFirst(8).prefix(8))
        let listed = try json("key", "list", "--tenant", tenant.id)
        #expect(listed.compactMap { $0["id"]?.string } == [tenant.keyID, id])
        let shown = try #require(try json("key", "show", id).first)
        #expect(shown["masked"]?.string == "tg_live_\(id)_…")
        #expect(shown["state"] == "active" && shown["models"] == ["digits"] && shown["name"] == "ci")
        #expect(shown["key"] == nil)
        #expect(try gateway.predict(key).status == 200)
        #expect(try json("key", "revoke", id, "--yes").first?["state"] == "revoked")
        #expect(try gateway.predict(key).status == 401)
        #expect(try json("key", "show", id).first?["state"] == "revoked")
        #expect(try run("key", "list").contains(id))

        let short = try json("key", "issue", "--tenant", tenant.id, "--expires-in", "3600").first
        #expect(short?["expires_at"]?.string?.isEmpty == false)
    }

    @Test("A tenant is given limits of its own, deleted and restored; a plan goes when nobody is on it")
    func tenantLife() throws {
        let tenant = try gateway.makeTenant(plan: "standard")
        let limits = try json("tenant", "limits", tenant.id, "--requests", "5", "--daily-quota", "unlimited").first
        #expect(limits?["overrides"]?["rate"] == ["requests": 5, "seconds": 1, "burst": 5])
        #expect(limits?["effective"]?["daily_quota"] == .null && limits?["effective"]?["concurrency"] == 64)
        #expect(try json("tenant", "limits", tenant.id).first == limits)
        #expect(try json("tenant", "limits", tenant.id, "--reset").first?["overrides"] == .object([]))
        #expect(try run("tenant", "delete", tenant.id, "--grace", "3600", "--yes").contains("deleting"))
        #expect(try json("tenant", "list", "--state", "deleting").contains { $0["id"]?.string == tenant.id })
        #expect(try gateway.predict(tenant.key).status == 401)
        #expect(try run("tenant", "restore", tenant.id).contains("active"))
        #expect(try gateway.predict(tenant.key).status == 200)
        let stale = try gateway.command(["tenant", "disable", tenant.id, "--if-revision", "1"])
        #expect(stale.end == .exited(2) && stale.errors.contains("(precondition_failed)"))
        _ = try run("plan", "set", "passing", "--daily-quota", "7", "--weight", "3")
        let passing = try json("plan", "show", "passing").first
        #expect(passing?["daily_quota"] == 7 && passing?["weight"] == 3)
        #expect(try gateway.command(["plan", "delete", "standard", "--yes"]).errors.contains("(conflict)"))
        _ = try run("plan", "delete", "passing", "--yes")
        #expect(try gateway.command(["plan", "show", "passing"]).end == .exited(2))
    }

    @Test("A key is issued once for one idempotency key, changed and rotated; a token is revoked")
    func keyLife() throws {
        let tenant = try gateway.makeTenant()
        let once = [
            "key", "issue", "--tenant", tenant.id, "--networks", "127.0.0.0/8,::1", "--idempotency-key",
            "cli-\(tenant.id)",
        ]
        let first = try gateway.command(once)
        #expect(first.end == .exited(0) && first.output.hasPrefix("tg_live_"))
        #expect(try gateway.command(once).output == first.output)
        #expect(try json("key", "list", "--tenant", tenant.id).count == 2)
        let old = first.output.trimmingCharacters(in: .whitespacesAndNewlines)
        let id = String(old.dropFirst(8).prefix(8))
        let changed = try json(
            "key",
            "update",
            id,
            "--name",
            "new",
            "--networks",
            "any",
            "--requests",
            "9",
            "--expires-in",
            "3600"
        ).first
        #expect(changed?["name"] == "new" && changed?["networks"] == .null)
        #expect(changed?["rate"] == ["requests": 9, "seconds": 1, "burst": 9] && changed?["expires_at"] != .null)
        let cleared = try json("key", "update", id, "--no-rate", "--expires-in", "never").first
        #expect(cleared?["rate"] == .null && cleared?["expires_at"] == .null && cleared?["name"] == "new")
        let new = try run("key", "rotate", id, "--overlap", "60").trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(new.hasPrefix("tg_live_\(id)_") && new != old)
        #expect(try gateway.predict(old).status == 200 && gateway.predict(new).status == 200)
        #expect(try json("key", "list", "--tenant", tenant.id, "--name", "new").compactMap { $0["id"]?.string } == [id])

        let token = try gateway.token(tenant)
        #expect(try gateway.predict(token).status == 200)
        let payload = try #require(Base64URL.decode(Array(token.split(separator: ".")[1].utf8)))
        let jti = try #require(try JSON.parse(payload)["jti"]?.string)
        #expect(try json("token", "revoke", jti, "--yes").first?["generation"]?.integer != nil)
        try expectRefusal(try gateway.predict(token), 401, "token_revoked", of: gateway)
        for mistake in [tenant.key, "a.b.c"] {
            #expect(try gateway.command(["token", "revoke", mistake, "--yes"]).errors.contains("(field_invalid)"))
        }
        try expectRefusal(try gateway.call("DELETE", "/tokens/\(tenant.key)"), 400, "field_invalid", of: gateway)
    }

    @Test("Models are listed with format, state and digest")
    func models() throws {
        let models = try json("model", "list")
        #expect(models.compactMap { $0["name"]?.string } == ["digits", "digits-onnx", "digits-tflite"])
        #expect(models.allSatisfy { $0["state"] == "AVAILABLE" && $0["sha256"]?.string?.count == 64 })
        #expect(try run("model", "list").contains("digits-tflite"))
    }

    @Test("The audit log is searched as table and as JSON lines")
    func audit() throws {
        let tenant = try gateway.makeTenant()
        let good = try gateway.predict(tenant.key)
        let bad = try gateway.tenants().send("POST", "/predict", credential: tenant.key, body: "{}")
        let table = try run("audit", "search", "--tenant", tenant.id).split(separator: "\n")
        try #require(table.count == 3)
        #expect(table[0].hasPrefix("INDEX") && table[0].hasSuffix("REQUEST ID"))
        #expect(table[1].hasSuffix(bad.requestID ?? "?") && table[1].contains("field_missing"))
        #expect(table[2].hasSuffix(good.requestID ?? "?") && table[2].contains(" 200 "))
        for options in [["--status", "200"], ["--decision", "allowed"], ["--key", tenant.keyID, "--reason", "ok"]] {
            let lines = try gateway.command(["audit", "search", "--tenant", tenant.id, "-o", "json"] + options).output
            let found = try lines.split(separator: "\n").map { try JSON.parse(String($0)) }
            #expect(found.compactMap { $0["index"]?.integer } == [good.auditIndex].compactMap(\.self), "\(options)")
        }
        let one = try json("audit", "search", "--request-id", bad.requestID ?? "")
        #expect(one.count == 1 && one.first?["record"]?["status"] == 400)
        #expect(try json("audit", "search", "--tenant", tenant.id, "--until", "2001-01-01").isEmpty)
        #expect(try json("audit", "search", "--tenant", tenant.id, "--since", "2001-01-01").count == 2)
        #expect(try json("audit", "search", "--tenant", tenant.id, "--limit", "1").count == 1)
    }

    @Test("Health says ready")
    func health() throws {
        #expect(try run("health") == "ready\n")
        #expect(try run("health", "--url", "https://127.0.0.1:\(gateway.tenantPort)") == "ready\n")
    }

    @Test("What the gateway refuses, the command says, with exit code 2 and the stable code")
    func refusals() throws {
        let result = try gateway.command(["tenant", "create", "a/b"])
        #expect(result.end == .exited(2))
        #expect(result.output == "")
        #expect(result.errors.hasPrefix("tollgate: 'id' must be") && result.errors.contains("(field_invalid)"))
        #expect(try gateway.command(["tenant", "show", "nobody"]).end == .exited(2))
        #expect(try gateway.command(["tenant", "create"]).end == .exited(64))
        let unreachable = try gateway.command(["tenant", "list", "--url", "https://127.0.0.1:1"])
        #expect(unreachable.end == .exited(69))
        #expect(unreachable.errors.contains("https://127.0.0.1:1"))
    }

    @Test("A control character in a name does not reach the terminal")
    func terminal() throws {
        let id = "tenant-\(TestRun.next())"
        try gateway.admin("POST", "/tenants", ["id": .string(id), "display_name": "a\u{1b}[2Jb"])
        let table = try run("tenant", "show", id)
        #expect(!table.contains("\u{1b}") && table.contains("[2Jb"))
    }

    @Test("Every command's help shows an example")
    func help() throws {
        var commands: [[String]] = [[]]
        var seen = 0
        while let command = commands.popLast() {
            let result = try gateway.command(command + ["--help"])
            #expect(result.end == .exited(0))
            #expect(result.output.contains("EXAMPLE"), "tollgate \(command) --help has no example")
            seen += 1
            guard let start = result.output.range(of: "SUBCOMMANDS:\n")?.upperBound else { continue }
            for line in result.output[start...].prefix(while: { _ in true }).split(
                separator: "\n",
                omittingEmptySubsequences: false
            ) {
                if line.isEmpty { break }
                guard line.hasPrefix("  "), !line.hasPrefix("   "), let name = line.split(separator: " ").first else {
                    continue
                }
                commands.append(command + [String(name)])
            }
        }
        #expect(seen >= 25, "the help led to \(seen) commands only")
    }
}
