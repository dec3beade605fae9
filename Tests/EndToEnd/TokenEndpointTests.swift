// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

/// The token endpoint's refusals, in the form of RFC 6749, section 5.2.
@Suite(.gateway())
struct TokenEndpointTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let status: Int
        let error: String
        let code: String
        var usesBasic = true
        /// `ID` and `KEY` stand for the tenant's.
        var body = "grant_type=client_credentials"
        var method = "POST"
        var path = "/oauth/token"
        var contentType = form.value
        var credentials = (id: "ID", key: "KEY")
        /// Whether the refusal challenges with Basic.
        var challenges = false

        init(_ description: String, _ status: Int, _ error: String, _ code: String, _ change: (inout Row) -> Void) {
            testDescription = description
            self.status = status
            self.error = error
            self.code = code
            change(&self)
        }
    }

    private static let grant = "grant_type=client_credentials"

    static let rows = [
        Row("no credentials", 401, "invalid_client", "credential_missing") { $0.usesBasic = false },
        Row("a wrong secret by Basic", 401, "invalid_client", "key_invalid") {
            $0.credentials.key = "tg_live_wrong"
            $0.challenges = true
        },
        Row("a wrong secret by form", 401, "invalid_client", "key_invalid") {
            $0.usesBasic = false
            $0.body = "\(grant)&client_id=ID&client_secret=wrong"
        },
        Row("another's id", 401, "invalid_client", "key_invalid") {
            $0.credentials.id = "AAAAAAAA"
            $0.challenges = true
        },
        Row("both methods", 400, "invalid_request", "credential_malformed") {
            $0.body = "\(grant)&client_id=ID&client_secret=KEY"
        },
        Row("another grant", 400, "unsupported_grant_type", "grant_type_unsupported") {
            $0.body = "grant_type=password"
        },
        Row("no grant", 400, "invalid_request", "field_missing") { $0.body = "scope=predict" },
        Row("an empty grant", 400, "invalid_request", "field_missing") { $0.body = "grant_type=" },
        Row("a repeated parameter", 400, "invalid_request", "request_malformed") { $0.body = "\(grant)&\(grant)" },
        Row("a broken escape", 400, "invalid_request", "request_malformed") { $0.body = "\(grant)&scope=%zz" },
        Row("an unknown scope", 400, "invalid_scope", "scope_invalid") { $0.body = "\(grant)&scope=predict+fly" },
        Row("a scope beyond the key's", 400, "invalid_scope", "scope_invalid") { $0.body = "\(grant)&scope=admin" },
        Row("parameters in the URL", 400, "invalid_request", "request_malformed") { $0.path += "?\(grant)" },
        Row("JSON", 415, "invalid_request", "media_type_unsupported") { $0.contentType = "application/json" },
        Row("GET", 405, "invalid_request", "method_not_allowed") { $0.method = "GET" },
    ]

    @Test("Refused in OAuth's form, not to be stored", arguments: rows)
    func refused(row: Row) throws {
        let gateway = try SharedGateway.gateway
        let tenant = try gateway.makeTenant()
        func filled(_ text: String) -> String {
            text.replacing("ID", with: tenant.keyID).replacing("KEY", with: tenant.key)
        }
        var headers = row.usesBasic ? [basic(filled(row.credentials.id), filled(row.credentials.key))] : []
        if row.method == "POST" { headers.append(("Content-Type", row.contentType)) }
        let answer = try gateway.tenants().send(
            row.method,
            row.path,
            headers: headers,
            body: row.method == "POST" ? filled(row.body) : nil
        )
        try expectOAuthError(answer, row.status, row.error, code: row.code, of: gateway)
        #expect((answer.header("WWW-Authenticate")?.hasPrefix("Basic realm=") == true) == row.challenges)
        #expect(answer.header("Allow") == (row.status == 405 ? "POST" : nil))
        #expect(!answer.text.contains(tenant.secret))
    }

    @Test("A revoked key and a disabled tenant get no token")
    func revoked() throws {
        let gateway = try SharedGateway.gateway
        let tenant = try gateway.makeTenant()
        func ask() throws -> Answer {
            try gateway.tenants().send(
                "POST",
                "/oauth/token",
                headers: [basic(tenant.keyID, tenant.key), form],
                body: Self.grant
            )
        }
        #expect(try ask().status == 200)
        try gateway.set(tenant.id, disabled: true)
        try expectOAuthError(try ask(), 401, "invalid_client", code: "tenant_disabled", of: gateway)
        try gateway.set(tenant.id, disabled: false)
        try gateway.revoke(tenant.keyID)
        try expectOAuthError(try ask(), 401, "invalid_client", code: "key_revoked", of: gateway)
    }

    @Test("A token never holds more than its key, and can hold less")
    func scopes() throws {
        let gateway = try SharedGateway.gateway
        let tenant = try gateway.makeTenant()
        let client = try gateway.tenants()
        let answer = try client.send(
            "POST",
            "/oauth/token",
            headers: [basic(tenant.keyID, tenant.key), form],
            body: "\(Self.grant)&scope=models%3Aread"
        )
        #expect(try answer.json["scope"]?.string == "models:read")
        let token = try #require(try answer.json["access_token"]?.string)
        #expect(try client.send("GET", "/v1/models/digits", credential: token).status == 200)
        let refused = try client.send("POST", "/predict", credential: token, body: Digit.body())
        try expectRefusal(refused, 403, "scope_missing", of: gateway)
    }

    @Test("An operator's key gets no token")
    func operators() throws {
        let gateway = try SharedGateway.gateway
        let id = String(gateway.adminKey.dropFirst(8).prefix(8))
        let answer = try gateway.tenants().send(
            "POST",
            "/oauth/token",
            headers: [basic(id, gateway.adminKey), form],
            body: Self.grant
        )
        #expect(try answer.json["error"]?.string == "unauthorized_client")
        #expect(try answer.json["access_token"] == nil)
    }
}
