// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

/// `/.well-known/oauth-authorization-server` (RFC 8414) and `/.well-known/jwks.json` (RFC 7517).
struct MetadataTests {
    private static let path = "/.well-known/oauth-authorization-server"

    @Test(
        "The metadata names the issuer as configured, and endpoints below it (RFC 8414, sections 2 and 3)",
        arguments: ["https://gateway.example", "https://gateway.example/", "https://gateway.example:8443/issuer/one"]
    )
    func metadata(issuer: String) throws {
        let fields = ["tokens.issuer": issuer, "tokens.jwks_max_age_seconds": "120"]
        try withGateway(GatewayProcess.Settings(fields: fields)) { gateway in
            let base = issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer
            let below = base.hasSuffix("/issuer/one") ? "/issuer/one" : ""
            let client = try gateway.tenants()
            let answer = try client.send("GET", Self.path + below)
            #expect(answer.status == 200)
            #expect(answer.header("Content-Type") == "application/json")
            #expect(answer.header("Cache-Control") == "public, max-age=120")
            let document = try answer.json
            #expect(document["issuer"]?.string == issuer)
            #expect(document["token_endpoint"]?.string == "\(base)/oauth/token")
            #expect(document["revocation_endpoint"]?.string == "\(base)/oauth/revoke")
            #expect(document["introspection_endpoint"]?.string == "\(base)/oauth/introspect")
            #expect(document["jwks_uri"]?.string == "\(base)/.well-known/jwks.json")
            #expect(document["grant_types_supported"] == ["client_credentials"])
            #expect(document["scopes_supported"] == ["predict", "models:read"])
            #expect(document["authorization_endpoint"] == nil)
            for name in ["token", "revocation", "introspection"] {
                let methods = document["\(name)_endpoint_auth_methods_supported"]
                #expect(methods == ["client_secret_basic", "client_secret_post"])
            }
            for member in try #require(document.members) { #expect(member.value.array?.isEmpty != true) }
            let elsewhere = try client.send("GET", Self.path + (below.isEmpty ? "/another" : ""))
            try expectRefusal(elsewhere, 404, "route_not_found", of: gateway)
            // What is told there holds: tokens have that issuer, and count.
            let tenant = try gateway.makeTenant()
            let token = try gateway.token(tenant)
            #expect(try Claims(token)["iss"]?.string == issuer)
            #expect(try gateway.predict(token).status == 200)
        }
    }

    @Test(
        "The key set has public keys alone, each with its own kid, alg and use",
        arguments: [("ES256", "EC", "JWT"), ("RS256", "RSA", "at+jwt"), ("Ed25519", "OKP", "JWT")]
    )
    func keySet(algorithm: String, type: String, typ: String) throws {
        let fields = ["tokens.algorithm": algorithm, "tokens.typ": typ]
        try withGateway(GatewayProcess.Settings(fields: fields)) { gateway in
            let answer = try gateway.tenants().send("GET", "/.well-known/jwks.json")
            #expect(answer.status == 200)
            #expect(answer.header("Content-Type") == "application/jwk-set+json")
            #expect(answer.header("Cache-Control") == "public, max-age=3600")
            let keys = try #require(try answer.json["keys"]?.array)
            #expect(keys.count == 2)
            #expect(Set(keys.map { $0["kid"]?.string }).count == 2)
            for key in keys {
                #expect(key["kty"]?.string == type && key["alg"]?.string == algorithm && key["use"] == "sig")
                for secret in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] { #expect(key[secret] == nil) }
            }
            let token = try gateway.token(try gateway.makeTenant())
            let header = try Claims(header: token)
            #expect(header["alg"]?.string == algorithm && header["typ"]?.string == typ)
            #expect(keys.contains { $0["kid"] == header["kid"] })
            #expect(try gateway.predict(token).status == 200)
            try gateway.restart()
            #expect(try gateway.tenants().send("GET", "/.well-known/jwks.json").json == answer.json)
            #expect(try gateway.predict(token).status == 200)
        }
    }
}
