// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

/// `POST /oauth/introspect`, sentence by sentence of RFC 7662.
@Suite(.gateway())
struct IntrospectTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    private var admin: TestTenant { TestTenant(id: "system", key: gateway.adminKey) }

    @Test("A client's own active token is told with its claims (section 2.2)")
    func active() throws {
        let tenant = try gateway.makeTenant()
        let token = try gateway.token(tenant)
        let answer = try gateway.oauth("introspect", tenant, "token=\(token)&token_type_hint=refresh_token&x=y")
        #expect(answer.status == 200)
        #expect(answer.header("Content-Type") == "application/json")
        #expect(answer.header("Cache-Control") == "no-store")
        let (told, claims) = (try answer.json, try Claims(token))
        #expect(told["active"] == true && told["token_type"] == "Bearer")
        #expect(told["client_id"]?.string == tenant.keyID && told["sub"]?.string == tenant.keyID)
        #expect(told["scope"] == "predict models:read" && told["tenant"]?.string == tenant.id)
        #expect(told["iss"] == "https://localhost:8443" && told["aud"] == "tollgate")
        for name in ["exp", "iat", "nbf", "jti", "iss", "aud", "sub"] { #expect(told[name] == claims[name], "\(name)") }
        #expect(told["exp"]?.integer == (told["iat"]?.integer ?? 0) + 900)
    }

    @Test("What does not count, and what is not theirs, is inactive and nothing else (section 2.2)")
    func inactive() throws {
        let (tenant, stranger) = (try gateway.makeTenant(), try gateway.makeTenant())
        let forge = try Forge(gateway, for: tenant)
        let token = try gateway.token(tenant)
        let revoked = try gateway.token(tenant)
        #expect(try gateway.revoke(token: revoked, by: tenant).status == 200)
        let mine: [(String, String)] = [
            ("unknown", "unknown"), ("revoked", revoked), ("an API key", tenant.key),
            ("too long", String(repeating: "a", count: 9000)), ("forged", String(token.dropLast(5)) + "AAAAA"),
            ("expired", try forge.token(claims: ["exp": 1_000_000_000])),
            ("of another audience", try forge.token(claims: ["aud": "another"])),
            ("of another issuer", try forge.token(claims: ["iss": "https://elsewhere.example"])),
            ("not valid yet", try forge.token(claims: ["nbf": 4_000_000_000, "exp": 4_000_000_900])),
        ]
        for (what, text) in mine {
            for caller in [tenant, admin] {
                let answer = try gateway.oauth("introspect", caller, "token=\(text)")
                #expect(answer.status == 200 && answer.text == "{\"active\":false}", "\(what): \(answer.text)")
            }
        }
        let foreign = try gateway.oauth("introspect", stranger, "token=\(token)")
        #expect(foreign.status == 200 && foreign.text == "{\"active\":false}")
        let sibling = TestTenant(id: tenant.id, key: try gateway.issueKey(tenant: tenant.id))
        #expect(try gateway.oauth("introspect", sibling, "token=\(token)").text == "{\"active\":false}")
        #expect(try gateway.oauth("introspect", tenant, "token=\(token)").json["active"] == true)

        try gateway.set(tenant.id, disabled: true)
        #expect(try gateway.oauth("introspect", admin, "token=\(token)").text == "{\"active\":false}")
        try gateway.set(tenant.id, disabled: false)
        try gateway.revoke(tenant.keyID)
        #expect(try gateway.oauth("introspect", admin, "token=\(token)").text == "{\"active\":false}")
    }

    @Test("An admin may ask about all tokens, on both listeners; other operators about none")
    func operators() throws {
        let tenant = try gateway.makeTenant()
        let token = try gateway.token(tenant)
        for client in [try gateway.tenants(), try gateway.management()] {
            let told = try gateway.oauth("introspect", admin, "token=\(token)", on: client)
            #expect(try told.json["active"] == true && told.json["client_id"]?.string == tenant.keyID)
            #expect(told.header("Cache-Control") == "no-store")
            let auditor = TestTenant(id: "system", key: gateway.auditorKey)
            #expect(try gateway.oauth("introspect", auditor, "token=\(token)", on: client).text == "{\"active\":false}")
        }
    }

    @Test("Who asks must say who they are, by a form with a token in it (sections 2.1 and 2.3)")
    func refused() throws {
        let tenant = try gateway.makeTenant()
        let token = try gateway.token(tenant)
        let nobody = try gateway.tenants().send("POST", "/oauth/introspect", headers: [form], body: "token=\(token)")
        try expectOAuthError(nobody, 401, "invalid_client", code: "credential_missing", of: gateway)
        #expect(nobody.header("WWW-Authenticate")?.hasPrefix("Basic ") == true)
        let missing = try gateway.oauth("introspect", tenant, "token_type_hint=access_token")
        try expectOAuthError(missing, 400, "invalid_request", code: "field_missing", of: gateway)
        let get = try gateway.tenants().send("GET", "/oauth/introspect?token=\(token)")
        try expectOAuthError(get, 405, "invalid_request", code: "method_not_allowed", of: gateway)
        let form = try gateway.tenants().send(
            "POST",
            "/oauth/introspect",
            headers: [EndToEnd.form],
            body: "token=\(token)&client_id=\(tenant.keyID)&client_secret=\(tenant.key)"
        )
        #expect(try form.json["active"] == true)
    }
}
