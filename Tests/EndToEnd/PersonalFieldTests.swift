// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// Personal fields of audit records under a key that can be destroyed.
struct PersonalFieldTests {
    private static let settings = GatewayProcess.Settings(
        fields: ["audit.personal_fields": "hmac", "audit.checkpoint_milliseconds": "50"]
    )

    private func keys(_ gateway: GatewayProcess, _ owner: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: "\(gateway.state)/audit-keys/\(owner)")) ?? []
    }

    private func find(_ gateway: GatewayProcess, _ query: String) throws -> [JSON] {
        try gateway.records(query).compactMap { $0["record"] }
    }

    @Test func `a person's requests are found while the key is there, and by nobody once it is destroyed`() throws {
        try withGateway(Self.settings) { gateway in
            let tenant = try gateway.makeTenant()
            let client = try gateway.tenants()
            func predict() throws -> Answer {
                try client.send("POST", "/predict", credential: tenant.key, body: Digit.body())
            }
            let answers = [try predict(), try predict()]
            let file = try #require(keys(gateway, tenant.id).first)
            let mode = try FileManager.default.attributesOfItem(
                atPath: "\(gateway.state)/audit-keys/\(tenant.id)/\(file)"
            )[.posixPermissions]
            #expect(mode as? Int == 0o600)

            let found = try find(gateway, "tenant=\(tenant.id)&subject=\(tenant.keyID)&action=predict")
            #expect(found.map { $0["request_id"]?.string } == answers.reversed().map(\.requestID))
            for record in found {
                #expect(record["subject"]?.string?.hasPrefix("hmac-sha256:") == true)
                #expect(record["source"]?["address"]?.string?.hasPrefix("hmac-sha256:") == true)
                #expect(record["personal_key"]?.string == "\(tenant.id).\(file)")
            }
            #expect(try find(gateway, "source=127.0.0.1&tenant=\(tenant.id)").count == 2)
            #expect(try find(gateway, "subject=\(tenant.keyID)&action=predict").count == 2, "in all tenants too")
            let search = try gateway.command(["audit", "search", "--subject", tenant.keyID, "--output", "json"])
            #expect(search.output.split(separator: "\n").count == 2)

            // Strangers are written under the gateway's own key.
            let stranger = try client.send("POST", "/predict", body: Digit.body())
            let record = try #require(try find(gateway, "request_id=\(stranger.requestID ?? "")").first)
            #expect(record["personal_key"]?.string?.hasPrefix("_gateway.") == true)
            #expect(try find(gateway, "source=127.0.0.1&reason=credential_missing").count == 1)

            // Not while there is a hold.
            let hold = try gateway.admin("POST", "/audit/holds", ["reason": "case 1"])
            let refused = try gateway.call("DELETE", "/tenants/\(tenant.id)/audit-key")
            #expect(refused.status == 409)
            #expect(keys(gateway, tenant.id) == [file])
            try gateway.admin("DELETE", "/audit/holds/\(hold["id"]?.string ?? "")")

            #expect(try gateway.command(["audit", "destroy-key", "--tenant", tenant.id]).end == .exited(64))
            let tried = try gateway.command(["audit", "destroy-key", "--tenant", tenant.id, "--dry-run"])
            #expect(tried.end == .exited(0) && tried.output.contains("\(tenant.id).\(file)"), "\(tried.errors)")
            #expect(keys(gateway, tenant.id) == [file])
            let destroyed = try gateway.command(["audit", "destroy-key", "--tenant", tenant.id, "--yes"])
            #expect(destroyed.end == .exited(0), "\(destroyed.errors)")
            let new = try #require(keys(gateway, tenant.id).first)
            #expect(new != file && keys(gateway, tenant.id).count == 1)
            #expect(try find(gateway, "tenant=\(tenant.id)&subject=\(tenant.keyID)&action=predict").isEmpty)
            #expect(try find(gateway, "tenant=\(tenant.id)&action=predict").count == 2, "the records stay")

            // On the same connection, with what it remembers of its last request.
            let later = try predict()
            let last = try #require(try find(gateway, "tenant=\(tenant.id)&subject=\(tenant.keyID)").first)
            #expect(last["request_id"]?.string == later.requestID)
            #expect(last["personal_key"]?.string == "\(tenant.id).\(new)")
            #expect(last["subject"] != found[0]["subject"])

            let said = try #require(try find(gateway, "action=audit.key.destroy&decision=allowed").first)
            #expect(said["change"]?["before"]?["keys"]?.array == [.string("\(tenant.id).\(file)")])

            try gateway.restart()
            #expect(try find(gateway, "tenant=\(tenant.id)&source=127.0.0.1").count == 1)
            let verified = try gateway.command(["audit", "verify", "--config", gateway.configurationFile])
            #expect(verified.end == .exited(0), "\(verified.errors)")
        }
    }

    @Test func `a tenant that is gone has no key, unless a hold keeps it`() throws {
        try withGateway(Self.settings) { gateway in
            let (gone, held) = (try gateway.makeTenant(), try gateway.makeTenant())
            try gateway.admin("POST", "/audit/holds", ["tenant": .string(held.id), "reason": "case 2"])
            #expect(keys(gateway, gone.id).count == 1)
            for tenant in [held, gone] { try gateway.admin("DELETE", "/tenants/\(tenant.id)?grace_seconds=0") }
            _ = try eventually("the key to go") { keys(gateway, gone.id).isEmpty ? true : nil }
            #expect(keys(gateway, held.id).count == 1)
            // What is left of it can be put under hold all the same.
            let hold = try gateway.admin("POST", "/audit/holds", ["tenant": .string(gone.id), "reason": "case 3"])
            #expect(hold["tenant"]?.string == gone.id)
            let unknown = try gateway.call("POST", "/audit/holds", ["tenant": "nobody", "reason": "case 4"])
            #expect(unknown.status == 404)
        }
    }
}
