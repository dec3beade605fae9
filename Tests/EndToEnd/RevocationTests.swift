// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// Revocation by token, key and tenant: in force on every connection before the call returns, and after a restart.
@Suite(.gateway())
struct RevocationTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    enum Way: String, CaseIterable, Sendable { case token, tokenByPost, key, tenant, deletion }

    private func tokenID(_ token: String) throws -> String {
        let part = token.split(separator: ".")[1]
        let bytes = try #require(Base64URL.decode(Array(part.utf8)))
        return try #require(try JSON.parse(bytes)["jti"]?.string)
    }

    private func revoke(_ way: Way, _ tenant: TestTenant, _ token: String, _ gateway: GatewayProcess) throws -> JSON {
        switch way {
        case .token: try gateway.admin("DELETE", "/tokens/\(tokenID(token))")
        case .tokenByPost: try gateway.admin("POST", "/tokens/revoke", ["jti": .string(tokenID(token))])
        case .key: try gateway.admin("DELETE", "/keys/\(tenant.keyID)")
        case .tenant: try gateway.admin("PATCH", "/tenants/\(tenant.id)", ["disabled": true])
        case .deletion: try gateway.admin("DELETE", "/tenants/\(tenant.id)")
        }
    }

    @Test(
        "What is revoked is refused on connections that used it just before, and after a kill",
        arguments: Way.allCases
    )
    func everywhere(way: Way) throws {
        try withGateway { gateway in
            let tenant = try gateway.makeTenant()
            let bystander = try gateway.makeTenant()
            let token = try gateway.token(tenant)
            let clients = try (0..<6).map { _ in try gateway.tenants() }
            func ask(_ client: Client, _ credential: String) throws -> Answer {
                try client.send("POST", "/predict", credential: credential, body: Digit.body(0))
            }
            for client in clients {
                for credential in [token, tenant.key, bystander.key] {
                    #expect(try ask(client, credential).status == 200)
                }
            }
            let answer = try revoke(way, tenant, token, gateway)
            let generation = try #require(answer["generation"]?.integer)
            let code: String =
                switch way {
                case .token, .tokenByPost: "token_revoked"
                case .key: "key_revoked"
                case .tenant, .deletion: "tenant_disabled"
                }
            for client in clients {
                try expectRefusal(try ask(client, token), 401, code, of: gateway)
                let keyStatus = [.token, .tokenByPost].contains(way) ? 200 : 401
                #expect(try ask(client, tenant.key).status == keyStatus)
                #expect(try ask(client, bystander.key).status == 200)
            }
            try gateway.restart(.kill)
            try expectRefusal(try gateway.predict(token), 401, code, of: gateway)
            #expect(try gateway.predict(bystander.key).status == 200)
            let later = try gateway.admin("DELETE", "/keys/\(bystander.keyID)")["generation"]?.integer
            #expect(try #require(later) > generation, "generations go on after a restart")
        }
    }

    @Test("A deleted tenant is refused at once, restored within its grace, and gone for good behind it")
    func deletion() throws {
        let tenant = try gateway.makeTenant()
        let deleted = try gateway.call("DELETE", "/tenants/\(tenant.id)?grace_seconds=3600")
        #expect(try deleted.json["state"] == "deleting" && deleted.json["deletes_at"]?.string != nil)
        try expectRefusal(try gateway.predict(tenant.key), 401, "tenant_disabled", of: gateway)
        for (method, path, body): (String, String, JSON) in [
            ("PATCH", "/tenants/\(tenant.id)", [:]), ("POST", "/keys", ["tenant": .string(tenant.id)]),
        ] {
            try expectRefusal(try gateway.call(method, path, body), 409, "conflict", of: gateway)
        }
        let restored = try gateway.call("POST", "/tenants/\(tenant.id)/restore", [:])
        #expect(try restored.json["state"] == "active" && restored.json["deletes_at"] == .null)
        #expect(try gateway.predict(tenant.key).status == 200)
        try expectRefusal(
            try gateway.call("POST", "/tenants/\(tenant.id)/restore", [:]),
            409,
            "conflict",
            of: gateway
        )
        for bad in ["-1", "x", "31536001", "1&grace_seconds=2"] {
            let answer = try gateway.call("DELETE", "/tenants/\(tenant.id)?grace_seconds=\(bad)")
            try expectRefusal(answer, 400, "field_invalid", of: gateway)
        }
        #expect(try gateway.call("DELETE", "/tenants/\(tenant.id)?grace_seconds=0").status == 200)
        try expectRefusal(try gateway.call("GET", "/tenants/\(tenant.id)"), 404, "not_found", of: gateway)
        let record = try eventually("the record of the end") {
            try gateway.records("action=tenant.purge&tenant=\(tenant.id)").first?["record"]
        }
        #expect(record["target"]?.string == "tenant/\(tenant.id)")
        #expect(record["change"]?["before"]?["keys"] == 1 && record["change"]?["after"] ?? .null == .null)
        try expectRefusal(try gateway.call("GET", "/keys/\(tenant.keyID)"), 404, "not_found", of: gateway)
        try expectRefusal(try gateway.predict(tenant.key), 401, "key_invalid", of: gateway)
        #expect(
            try gateway.call("POST", "/tenants", ["id": .string(tenant.id)]).status == 201,
            "the name is free again"
        )
    }

    // MARK: - Limits

    @Test("A tenant's own limits stand over its plan's at once, through a change of the plan and a restart")
    func overrides() throws {
        try withGateway { gateway in
            try gateway.admin("PUT", "/plans/narrow", ["daily_quota": 2, "models": ["digits-onnx"]])
            let tenant = try gateway.makeTenant(plan: "narrow")
            let other = try gateway.makeTenant(plan: "narrow")
            try expectRefusal(try gateway.predict(tenant.key), 404, "model_not_found", of: gateway)
            let limits = try gateway.admin(
                "PUT",
                "/tenants/\(tenant.id)/limits",
                ["daily_quota": 5, "models": "all", "rate": ["requests": 100, "seconds": 60, "burst": 50]]
            )
            #expect(limits["effective"]?["daily_quota"] == 5 && limits["effective"]?["models"] == .null)
            func policy() throws -> String? { try gateway.predict(tenant.key).header("RateLimit-Policy") }
            #expect(try policy() == "\"burst\";q=100;w=60, \"daily\";q=5;w=86400")
            try gateway.admin("PUT", "/plans/narrow", ["daily_quota": 1])
            #expect(try policy() == "\"burst\";q=100;w=60, \"daily\";q=5;w=86400")
            #expect(try gateway.predict(other.key).header("RateLimit-Policy") == "\"daily\";q=1;w=86400")
            try gateway.restart()
            #expect(try policy() == "\"burst\";q=100;w=60, \"daily\";q=5;w=86400")
            #expect(try gateway.call("PUT", "/tenants/\(tenant.id)/limits", [:]).status == 200)
            let answer = try gateway.predict(tenant.key)
            try expectRefusal(answer, 429, "quota_exceeded", of: gateway)
            #expect(answer.header("RateLimit-Policy") == "\"daily\";q=1;w=86400")
        }
    }

    @Test("A key's own rate refuses it and its tokens while the tenant's other keys go on")
    func keyRate() throws {
        let tenant = try gateway.makeTenant(dailyQuota: 10)
        let free = try gateway.issueKey(tenant: tenant.id)
        let token = try gateway.token(tenant)
        try gateway.admin(
            "PUT",
            "/keys/\(tenant.keyID)/limits",
            ["rate": ["requests": 2, "seconds": 86_400, "burst": 2]]
        )
        let client = try gateway.tenants()
        func ask(_ credential: String) throws -> Answer {
            try client.send("POST", "/predict", credential: credential, body: Digit.body(0))
        }
        let first = try ask(token)
        #expect(first.status == 200)
        #expect(first.header("RateLimit-Policy") == "\"daily\";q=10;w=86400, \"key\";q=2;w=86400")
        #expect(first.header("X-RateLimit-Remaining") == "1")
        #expect(try ask(tenant.key).status == 200)
        for credential in [tenant.key, token] {
            let refused = try ask(credential)
            try expectRefusal(refused, 429, "rate_exceeded", of: gateway)
            #expect(try refused.json["violated-policies"] == ["key"])
            #expect(refused.text.contains("this API key"))
        }
        let last = try ask(free)
        #expect(last.status == 200)
        #expect(last.header("RateLimit")?.contains("\"daily\";r=7") == true, "refusals took nothing of the tenant's")
        try gateway.admin("PATCH", "/keys/\(tenant.keyID)", ["rate": .null])
        #expect(try ask(token).status == 200)
    }
}
