// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCrypto
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
        /// In place of what `credentials` make.
        var authorization: String?

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
        },
        Row("a wrong secret by form", 401, "invalid_client", "key_invalid") {
            $0.usesBasic = false
            $0.body = "\(grant)&client_id=ID&client_secret=wrong"
        },
        Row("another's id", 401, "invalid_client", "key_invalid") {
            $0.credentials.id = "AAAAAAAA"
        },
        Row("no id by Basic", 401, "invalid_client", "key_invalid") { $0.credentials.id = "" },
        Row("no id by form", 400, "invalid_request", "field_missing") {
            $0.usesBasic = false
            $0.body = "\(grant)&client_secret=KEY"
        },
        Row("another scheme", 401, "invalid_client", "key_invalid") { $0.authorization = "Bearer KEY" },
        Row("Basic that is no base64", 401, "invalid_client", "key_invalid") { $0.authorization = "Basic a=b=" },
        Row("Basic without a colon", 401, "invalid_client", "key_invalid") { $0.authorization = "Basic QUJD" },
        Row("two ids", 400, "invalid_request", "credential_malformed") { $0.body = "\(grant)&client_id=AAAAAAAA" },
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
        Row("JSON", 400, "invalid_request", "media_type_unsupported") { $0.contentType = "application/json" },
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
        if let authorization = row.authorization { headers = [("Authorization", filled(authorization))] }
        if row.method == "POST" { headers.append(("Content-Type", row.contentType)) }
        let answer = try gateway.tenants().send(
            row.method,
            row.path,
            headers: headers,
            body: row.method == "POST" ? filled(row.body) : nil
        )
        try expectOAuthError(answer, row.status, row.error, code: row.code, of: gateway)
        #expect((answer.header("WWW-Authenticate")?.hasPrefix("Basic realm=") == true) == (row.status == 401))
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
        // What a key's holder is told is told to nobody who leaves the id out.
        let other = try gateway.tenants().send(
            "POST",
            "/oauth/token",
            headers: [basic("AAAAAAAA", tenant.key), form],
            body: Self.grant
        )
        try expectOAuthError(other, 401, "invalid_client", code: "key_invalid", of: gateway)
    }

    @Test("Whether a client exists is told to nobody without its secret, in any field of the answer")
    func sameAnswer() throws {
        let gateway = try SharedGateway.gateway
        let (tenant, revoked) = (try gateway.makeTenant(), try gateway.makeTenant())
        try gateway.revoke(revoked.keyID)
        let (unknownID, unknownKey) = invented()
        let wrong = [
            ("an unknown client", unknownID, unknownKey),
            ("a wrong secret", tenant.keyID, invented(id: tenant.keyID).key),
            ("a wrong secret of a revoked key", revoked.keyID, invented(id: revoked.keyID).key),
            ("a known id with another's secret", tenant.keyID, unknownKey),
            ("a known id with a secret of one's own", revoked.keyID, tenant.key),
            ("an unknown id with a secret of one's own", unknownID, tenant.key),
            ("a known id with a revoked secret of another", tenant.keyID, revoked.key),
            ("no key at all", tenant.keyID, "guess"), ("nothing known", unknownID, "guess"),
        ]
        for path in ["/oauth/token", "/oauth/revoke", "/oauth/introspect"] {
            var shapes: Set<String> = []
            for (what, id, secret) in wrong {
                for usesBasic in [true, false] {
                    let answer = try gateway.tenants().send(
                        "POST",
                        path,
                        headers: usesBasic ? [basic(id, secret), form] : [form],
                        body: Self.grant + "&token=x" + (usesBasic ? "" : "&client_id=\(id)&client_secret=\(secret)")
                    )
                    try expectOAuthError(answer, 401, "invalid_client", code: "key_invalid", of: gateway)
                    let same = answer.headers.map { field in
                        let varies = ["x-request-id", "audit-index", "audit-leaf", "date"].contains(
                            field.name.lowercased()
                        )
                        return field.name + (varies ? "" : field.value)
                    }
                    let body = answer.text.replacing(answer.requestID ?? "", with: "")
                    #expect(!body.contains(id), "\(what)")
                    shapes.insert("\(answer.status) \(same) \(body)")
                }
            }
            #expect(shapes.count == 1, "\(shapes)")
        }
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

/// A key in the gateway's own form, right checksum and all, that nobody has.
private func invented(id: String? = nil) -> (id: String, key: String) {
    let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
    func random(_ count: Int) -> String {
        String(decoding: (0..<count).map { _ in alphabet[Int.random(in: 0..<62)] }, as: UTF8.self)
    }
    let id = id ?? random(8)
    let text = "tg_live_\(id)_\(random(43))"
    var rest = UInt64(CRC32.checksum(text.utf8))
    var checksum: [UInt8] = []
    for _ in 0..<6 {
        checksum.insert(alphabet[Int(rest % 62)], at: 0)
        rest /= 62
    }
    return (id, text + String(decoding: checksum, as: UTF8.self))
}
