// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

/// `POST /oauth/revoke`, sentence by sentence of RFC 7009.
@Suite(.gateway())
struct RevokeTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    @Test("A revoked token counts no more on any connection once the answer is there (section 2)")
    func revoked() throws {
        let tenant = try gateway.makeTenant()
        let (token, other) = (try gateway.token(tenant), try gateway.token(tenant))
        // On connections of every event loop, where the token is remembered by now.
        let connections = try (0..<8).map { _ in try gateway.tenants() }
        for connection in connections {
            #expect(try connection.send("GET", "/v1/models/digits", credential: token).status == 200)
        }
        let answer = try gateway.revoke(token: token, by: tenant)
        #expect(answer.status == 200)
        #expect(answer.header("Cache-Control") == "no-store" && answer.header("Pragma") == "no-cache")
        for connection in connections {
            let refused = try connection.send("GET", "/v1/models/digits", credential: token)
            #expect(refused.status == 401)
            #expect(try refused.json["code"] == "token_revoked")
            #expect(refused.header("WWW-Authenticate")?.contains("error=\"invalid_token\"") == true)
            #expect(try connection.send("GET", "/v1/models/digits", credential: other).status == 200)
        }
        let record = try #require(try gateway.records("request_id=\(answer.requestID ?? "")").first?["record"])
        #expect(record["action"] == "token.revoke" && record["key_id"]?.string == tenant.keyID)
        let jti = try Claims(token)["jti"]?.string ?? "none"
        #expect(record["target"]?.string == "token/\(jti)")
        #expect(!record.serialized().contains(token.suffix(40)))
    }

    @Test("What is no valid token is answered as if it had been revoked (section 2.2)")
    func invalid() throws {
        let tenant = try gateway.makeTenant()
        let forge = try Forge(gateway, for: tenant)
        let token = try gateway.token(tenant)
        let texts = [
            "unknown", "a.b.c", String(token.dropLast(5)) + "AAAAA", String(repeating: "a", count: 9000),
            try forge.token(header: ["kid": "nobody"]), try forge.token(claims: ["iss": "https://elsewhere.example"]),
            try forge.token(claims: ["exp": 1_000_000_000]),
        ]
        for text in texts { #expect(try gateway.revoke(token: text, by: tenant).status == 200) }
        #expect(try gateway.revoke(token: token, by: tenant).status == 200)
        #expect(try gateway.revoke(token: token, by: tenant).status == 200)
    }

    @Test("A token that was not issued to the client is not revoked, and the client is told (section 2.1)")
    func foreign() throws {
        let (tenant, stranger) = (try gateway.makeTenant(), try gateway.makeTenant())
        let token = try gateway.token(tenant)
        let answer = try gateway.revoke(token: token, by: stranger)
        try expectOAuthError(answer, 400, "invalid_grant", code: "token_of_another_client", of: gateway)
        // Another key of the same tenant is another client.
        let sibling = TestTenant(id: tenant.id, key: try gateway.issueKey(tenant: tenant.id))
        #expect(try gateway.revoke(token: token, by: sibling).status == 400)
        #expect(try gateway.predict(token).status == 200)
    }

    @Test("API keys are no tokens that can be revoked here (section 2.2.1)")
    func keys() throws {
        let tenant = try gateway.makeTenant()
        let answer = try gateway.revoke(token: tenant.key, by: tenant)
        try expectOAuthError(answer, 400, "unsupported_token_type", code: "token_type_unsupported", of: gateway)
        #expect(!answer.text.contains(tenant.secret))
        #expect(try gateway.predict(tenant.key).status == 200)
    }

    @Test("The token is required, its hint and unknown parameters are ignored (section 2.1)")
    func parameters() throws {
        let tenant = try gateway.makeTenant()
        let missing = try gateway.oauth("revoke", tenant, "token_type_hint=access_token")
        try expectOAuthError(missing, 400, "invalid_request", code: "field_missing", of: gateway)
        let empty = try gateway.oauth("revoke", tenant, "token=")
        try expectOAuthError(empty, 400, "invalid_request", code: "field_missing", of: gateway)
        for hint in ["access_token", "refresh_token", "something_else", ""] {
            let token = try gateway.token(tenant)
            #expect(try gateway.oauth("revoke", tenant, "token=\(token)&token_type_hint=\(hint)&x=y").status == 200)
            #expect(try gateway.predict(token).status == 401, "\(hint)")
        }
        let twice = try gateway.oauth("revoke", tenant, "token=a&token=b")
        try expectOAuthError(twice, 400, "invalid_request", code: "request_malformed", of: gateway)
        let get = try gateway.tenants().send("GET", "/oauth/revoke?token=x", headers: [basic(tenant.keyID, tenant.key)])
        try expectOAuthError(get, 405, "invalid_request", code: "method_not_allowed", of: gateway)
    }

    @Test("Nobody revokes without saying who they are; a stranger's try changes nothing (section 2.1)")
    func strangers() throws {
        let tenant = try gateway.makeTenant()
        let token = try gateway.token(tenant)
        let answer = try gateway.tenants().send("POST", "/oauth/revoke", headers: [form], body: "token=\(token)")
        try expectOAuthError(answer, 401, "invalid_client", code: "credential_missing", of: gateway)
        // A token is no client.
        let bearer = try gateway.tenants().send(
            "POST",
            "/oauth/revoke",
            credential: token,
            headers: [form],
            body: "token=\(token)"
        )
        try expectOAuthError(bearer, 401, "invalid_client", code: "key_invalid", of: gateway)
        #expect(try gateway.predict(token).status == 200)
    }

    @Test("A revocation outlives the process, however it ends", arguments: GatewayProcess.Way.allCases)
    func restart(way: GatewayProcess.Way) throws {
        try withGateway { gateway in
            let tenant = try gateway.makeTenant()
            let (revoked, kept) = (try gateway.token(tenant), try gateway.token(tenant))
            #expect(try gateway.revoke(token: revoked, by: tenant).status == 200)
            try gateway.restart(way)
            #expect(try gateway.predict(revoked).json["code"] == "token_revoked")
            #expect(try gateway.predict(kept).status == 200)
        }
    }
}
