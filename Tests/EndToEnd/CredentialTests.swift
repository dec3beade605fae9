// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCrypto
import Testing

/// Credentials that must not open the door: each refused in its own words, challenged, and on record.
@Suite(.gateway())
struct CredentialTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var status: Int
        let code: String
        /// What `WWW-Authenticate` must have; nil for no challenge.
        let challenge: String?
        /// The `Authorization` field; nil for none.
        let make: @Sendable (GatewayProcess) throws -> String?

        init(
            _ description: String,
            _ code: String,
            status: Int = 401,
            challenge: String? = "error=\"invalid_token\"",
            _ make: @escaping @Sendable (GatewayProcess) throws -> String?
        ) {
            testDescription = description
            self.status = status
            self.code = code
            self.challenge = challenge
            self.make = make
        }

        /// A token forged for a tenant in good standing.
        static func forged(
            _ description: String,
            _ code: String,
            _ make: @escaping @Sendable (Forge) throws -> String
        ) -> Row {
            Row(description, code) { gateway in
                "Bearer \(try make(Forge(gateway, for: gateway.makeTenant())))"
            }
        }
    }

    static let rows = [
        Row("no credential", "credential_missing", challenge: "Bearer realm=\"tollgate\"") { _ in nil },
        Row("another scheme", "credential_missing", challenge: "Bearer realm=\"tollgate\"") { gateway in
            let tenant = try gateway.makeTenant()
            return basic(tenant.keyID, tenant.key).value
        },
        Row("garbage", "token_malformed") { _ in "Bearer garbage" },
        Row("two parts", "token_malformed") { _ in "Bearer abcd.efgh" },
        Row("base64 with padding", "token_malformed") { _ in "Bearer e30=.e30=.AAAA" },
        Row("a key with a wrong checksum", "key_invalid") { gateway in
            let key = try gateway.makeTenant().key
            return "Bearer \(key.dropLast())\(key.hasSuffix("0") ? "1" : "0")"
        },
        Row("a revoked key", "key_revoked") { gateway in
            let tenant = try gateway.makeTenant()
            try gateway.revoke(tenant.keyID)
            return "Bearer \(tenant.key)"
        },
        Row("a revoked key's token", "key_revoked") { gateway in
            let tenant = try gateway.makeTenant()
            let token = try gateway.token(tenant)
            try gateway.revoke(tenant.keyID)
            return "Bearer \(token)"
        },
        Row("a disabled tenant's key", "tenant_disabled") { gateway in
            let tenant = try gateway.makeTenant()
            try gateway.set(tenant.id, disabled: true)
            return "Bearer \(tenant.key)"
        },
        Row(
            "a key without the scope",
            "scope_missing",
            status: 403,
            challenge: "error=\"insufficient_scope\", scope=\"predict\""
        ) { gateway in
            "Bearer \(try gateway.makeTenant(scopes: "models:read").key)"
        },
        Row(
            "an operator's key",
            "scope_missing",
            status: 403,
            challenge: "error=\"insufficient_scope\", scope=\"predict\""
        ) { "Bearer \($0.adminKey)" },
        .forged("expired", "token_expired") { forge in
            let now = Int64(Date().timeIntervalSince1970)
            return try forge.token(claims: [
                "exp": .integer(now - 60), "iat": .integer(now - 900), "nbf": .integer(now - 900),
            ])
        },
        .forged("not valid yet", "token_not_yet_valid") { forge in
            try forge.token(claims: ["nbf": .integer(Int64(Date().timeIntervalSince1970) + 300)])
        },
        .forged("another audience", "token_audience_invalid") { try $0.token(claims: ["aud": "elsewhere"]) },
        .forged("another issuer", "token_issuer_unknown") { try $0.token(claims: ["iss": "https://elsewhere"]) },
        .forged("alg none", "token_algorithm_not_allowed") { forge in
            try forge.token(header: ["alg": "none"]) { _ in [] }
        },
        .forged("alg nOnE", "token_algorithm_not_allowed") { forge in
            try forge.token(header: ["alg": "nOnE"]) { _ in [0] }
        },
        .forged("HS256 with the public key as secret", "token_algorithm_not_allowed") { forge in
            let hmac = HMACSHA256(key: Array(forge.key.publicPEM.utf8))
            return try forge.token(header: ["alg": "HS256"]) { hmac.authenticate($0) }
        },
        .forged("ES256 in small letters", "token_algorithm_not_allowed") { try $0.token(header: ["alg": "es256"]) },
        .forged("an unknown kid", "token_key_unknown") { try $0.token(header: ["kid": "nobody's"]) },
        .forged("another's signature", "token_signature_invalid") { forge in
            let other = try SigningKey.generate(.es256)
            return try forge.token { try other.sign($0) }
        },
        .forged("one bit of the signature changed", "token_signature_invalid") { forge in
            try forge.token { bytes in
                var signature = try forge.key.sign(bytes)
                signature[40] ^= 1
                return signature
            }
        },
        .forged("a critical extension", "token_malformed") { try $0.token(header: ["crit": ["exp"]]) },
        .forged("an ID token", "token_malformed") { try $0.token(header: ["typ": "logout+jwt"]) },
        .forged("no client_id", "token_claims_invalid") { try $0.token(claims: ["client_id": nil]) },
        .forged("exp as a text", "token_claims_invalid") { try $0.token(claims: ["exp": "9999999999"]) },
        .forged("another tenant's name", "token_claims_invalid") { try $0.token(claims: ["tenant": "system"]) },
        .forged("a client that does not exist", "key_invalid") { try $0.token(claims: ["client_id": "00000000"]) },
        .forged("9 KB", "token_too_large") {
            try $0.token(claims: ["pad": .string(String(repeating: "a", count: 7000))])
        },
    ]

    @Test("Refused with its own code and a challenge", arguments: rows)
    func refused(row: Row) throws {
        let gateway = try SharedGateway.gateway
        let client = try gateway.tenants()
        let field = try row.make(gateway)
        // The second time nothing may have been cached that should not be.
        for _ in 0..<2 {
            let answer = try client.send(
                "POST",
                "/predict",
                headers: field.map { [("Authorization", $0)] } ?? [],
                body: Digit.body()
            )
            let document = try expectRefusal(answer, row.status, row.code, of: gateway)
            let challenge = try #require(answer.header("WWW-Authenticate"))
            #expect(challenge.hasPrefix("Bearer realm=\"tollgate\""))
            #expect(challenge.contains(row.challenge ?? ""))
            if row.code == "credential_missing" { #expect(!challenge.contains("error="), "RFC 6750, section 3.1") }
            // Nothing of a credential comes back.
            if let field, field.count > 40 {
                #expect(!answer.text.contains(field.suffix(30)))
                #expect(!document.serialized().contains(field.dropFirst(7).prefix(30)))
            }
        }
    }

    @Test("A token in the query is not looked at")
    func tokenInQuery() throws {
        let gateway = try SharedGateway.gateway
        let tenant = try gateway.makeTenant()
        let answer = try gateway.tenants().send("POST", "/predict?access_token=\(tenant.key)", body: Digit.body())
        try expectRefusal(answer, 401, "credential_missing", of: gateway)
        #expect(!gateway.log.contains(tenant.secret))
    }

    @Test(
        "Revoking, disabling and a new plan count from the very next request of an open connection with a cached token"
    )
    func immediateEffect() throws {
        let gateway = try SharedGateway.gateway
        let tenant = try gateway.makeTenant()
        let token = try gateway.token(tenant)
        let client = try gateway.tenants()
        func ask() throws -> Answer {
            try client.send("POST", "/predict", credential: token, body: Digit.body())
        }
        for _ in 0..<2 { #expect(try ask().status == 200) }

        try gateway.set(tenant.id, disabled: true)
        try expectRefusal(try ask(), 401, "tenant_disabled", of: gateway)
        try gateway.set(tenant.id, disabled: false)
        #expect(try ask().status == 200)

        try gateway.admin("PUT", "/plans/only-onnx", ["models": ["digits-onnx"]])
        try gateway.admin("PATCH", "/tenants/\(tenant.id)", ["plan": "only-onnx"])
        try expectRefusal(try ask(), 404, "model_not_found", of: gateway)
        try gateway.admin("PATCH", "/tenants/\(tenant.id)", ["plan": "unlimited"])
        #expect(try ask().status == 200)

        try gateway.revoke(tenant.keyID)
        try expectRefusal(try ask(), 401, "key_revoked", of: gateway)
    }
}
