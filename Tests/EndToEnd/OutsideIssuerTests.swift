// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCrypto
import Testing

/// Tokens of authorization servers outside, over a real HTTPS server with the key set: what they may, and what becomes of
/// them when keys change.
@Suite struct OutsideIssuerTests {
    /// A gateway that trusts an issuer with these keys, which have been fetched.
    private func withIssuer(
        _ keys: [SigningKey],
        _ fields: [String: String] = [:],
        headers: [String: String] = [:],
        _ body: (GatewayProcess, OutsideIssuer) throws -> Void
    ) throws {
        let issuer = try OutsideIssuer()
        defer { issuer.stop() }
        try issuer.publish(keys.map(\.publicJWK), headers: headers)
        try withGateway { gateway in
            try gateway.trust(issuer.entry(fields))
            try gateway.awaitFetch(issuer, "changed")
            try body(gateway, issuer)
        }
    }

    @Test(
        "A token of every algorithm is taken, as at+jwt and as JWT, and speaks for its tenant",
        .timeLimit(.minutes(3))
    )
    func algorithms() throws {
        let names: [SignatureAlgorithm] = [
            .rs256, .rs384, .rs512, .ps256, .ps384, .ps512, .es256, .es384, .es512, .ed25519,
        ]
        let keys = try names.map { try SigningKey.generate($0) }
        try withIssuer(keys) { gateway, issuer in
            let tenant = try gateway.makeTenant()
            for key in keys {
                for type in ["at+jwt", "JWT"] {
                    let answer = try gateway.predict(issuer.token(key, for: tenant.id, type: type))
                    #expect(answer.status == 200, "\(key.algorithm) \(type): \(answer.text)")
                    let record = try gateway.record(of: answer)
                    #expect(record["tenant"]?.string == tenant.id)
                    #expect(record["issuer"]?.string == issuer.name)
                }
            }
            #expect(try gateway.metric("tollgate_jwks_keys", "issuer=\"\(issuer.name)\"") == 10)
            #expect(issuer.requests.count == 1, "the keys came before anybody asked for them")
        }
    }

    @Test("Audience, tenant, scope and operators' rights are checked as for every token")
    func claims() throws {
        let key = try SigningKey.generate(.es256)
        try withIssuer([key]) { gateway, issuer in
            let tenant = try gateway.makeTenant()
            func code(_ claims: [String: JSON?]) throws -> String? {
                try gateway.predict(issuer.token(key, for: tenant.id, claims: claims)).json["code"]?.string
            }
            #expect(try code(["aud": "tollgate"]) == "token_audience_invalid")
            #expect(try code(["tenant": "nobody"]) == "tenant_disabled")
            #expect(try code(["tenant": "system"]) == "token_claims_invalid")
            #expect(try code(["tenant": nil]) == "token_claims_invalid")
            #expect(try code(["scope": "openid"]) == "scope_missing")
            #expect(try code(["exp": 1_000_000_000]) == "token_expired")
            let operatorLike = try issuer.token(key, for: tenant.id, claims: ["scope": "admin audit:read metrics:read"])
            for path in ["/admin/v1/tenants", "/admin/v1/audit/records", "/metrics"] {
                let answer = try gateway.management().send("GET", path, credential: operatorLike)
                #expect(answer.status == 403, "\(path): \(answer.text)")
            }
            let other = try SigningKey.generate(.es256)
            let forged = try gateway.predict(issuer.token(other, for: tenant.id, kid: key.keyID))
            try expectRefusal(forged, 401, "token_signature_invalid", of: gateway)
            let token = try issuer.token(key, for: tenant.id)
            #expect(try gateway.predict(token).status == 200)
            try gateway.set(tenant.id, disabled: true)
            #expect(try gateway.predict(token).json["code"]?.string == "tenant_disabled")
        }
    }

    @Test("Another claim names the scopes, a map says what they mean, and all tokens are one tenant's")
    func mapping() throws {
        let key = try SigningKey.generate(.rs256)
        let issuer = try OutsideIssuer()
        defer { issuer.stop() }
        // As some issuers publish them: without an algorithm.
        try issuer.publish([.object((key.publicJWK.members ?? []).filter { $0.name != "alg" })])
        try withGateway { gateway in
            let tenant = try gateway.makeTenant()
            try gateway.trust(
                issuer.entry([
                    "tenant": tenant.id, "scope_claim": "roles", "scopes": "{Models.Use: [predict]}",
                    "algorithms": "[RS256]",
                ])
            )
            try gateway.awaitFetch(issuer, "changed")
            let good = try gateway.predict(
                issuer.token(key, for: "whatever", claims: ["scope": nil, "roles": ["Models.Use"], "jti": nil])
            )
            #expect(good.status == 200, "\(good.text)")
            #expect(try gateway.record(of: good)["tenant"]?.string == tenant.id)
            let bad = try gateway.predict(issuer.token(key, for: tenant.id, claims: ["roles": ["predict"]]))
            #expect(try bad.json["code"]?.string == "scope_missing")
        }
    }

    // MARK: - Keys that change

    @Test("A new key costs one fetch, however many tokens come with it at once, and none of them is refused")
    func rotation() throws {
        let (old, new) = (try SigningKey.generate(.es256), try SigningKey.generate(.es256))
        try withIssuer([old]) { gateway, issuer in
            let tenant = try gateway.makeTenant()
            try issuer.publish([old.publicJWK, new.publicJWK])
            let before = issuer.requests.count
            // Until all of them wait: so they ask at the same time.
            try issuer.hold()
            let clients = Workers(12) { _ in
                try gateway.predict(issuer.token(new, for: tenant.id)).status
            }
            _ = try eventually("requests that wait") {
                try gateway.metric("tollgate_http_requests_in_flight", "listener=\"tenant\"") >= 12 ? true : nil
            }
            // Nobody else is held up: not those whose tokens are known, nor the pool that verifies new ones.
            #expect(try gateway.predict(issuer.token(old, for: tenant.id)).status == 200)
            #expect(try gateway.predict(gateway.token(tenant)).status == 200)
            try issuer.release()
            #expect(try clients.join() == Array(repeating: 200, count: 12))
            #expect(issuer.requests.count == before + 1)
        }
    }

    @Test("A key that is taken back verifies nothing more after the refresh, cached tokens included")
    func removed() throws {
        let (old, new) = (try SigningKey.generate(.es256), try SigningKey.generate(.es256))
        try withIssuer([old, new], ["refresh_seconds": "1"]) { gateway, issuer in
            let tenant = try gateway.makeTenant()
            let tokens = try [old, new].map { try issuer.token($0, for: tenant.id) }
            for token in tokens { #expect(try gateway.predict(token).status == 200) }
            try issuer.publish([new.publicJWK])
            try gateway.awaitFetch(issuer, "changed", atLeast: 2)
            try expectRefusal(try gateway.predict(tokens[0]), 401, "token_key_unknown", of: gateway)
            #expect(try gateway.predict(tokens[1]).status == 200)
        }
    }

    @Test("Unknown keys cause one fetch in a cooldown, whoever asks how often, and are refused with 401")
    func unknown() throws {
        let (key, stranger) = (try SigningKey.generate(.es256), try SigningKey.generate(.es256))
        try withIssuer([key]) { gateway, issuer in
            let tenant = try gateway.makeTenant()
            let before = issuer.requests.count
            let statuses = try concurrently(8) { client in
                try (0..<10).map { number in
                    let token = try issuer.token(stranger, for: tenant.id, kid: "unknown-\(client)-\(number)")
                    return try gateway.predict(token).status
                }
            }
            #expect(statuses.flatMap { $0 }.allSatisfy { $0 == 401 })
            #expect(issuer.requests.count == before + 1)
            let answer = try gateway.predict(issuer.token(stranger, for: tenant.id))
            try expectRefusal(answer, 401, "token_key_unknown", of: gateway)
            #expect(answer.header("WWW-Authenticate")?.contains("invalid_token") == true)
        }
    }

    @Test("What has not changed is not sent again, and a key set in a file is as good as one that is fetched")
    func unchanged() throws {
        let key = try SigningKey.generate(.es256)
        try withIssuer([key], ["refresh_seconds": "1"], headers: ["ETag": "\"one\""]) { gateway, issuer in
            try gateway.awaitFetch(issuer, "unchanged", atLeast: 2)
            #expect(issuer.requests[0].hasSuffix(" -") && issuer.requests[1].hasSuffix(" \"one\""))
            #expect(try gateway.predict(issuer.token(key, for: gateway.makeTenant().id)).status == 200)
        }
    }

    @Test("A key set in a file is watched; a bad one changes nothing, and at a reload it is refused")
    func file() throws {
        let (old, new) = (try SigningKey.generate(.es256), try SigningKey.generate(.es256))
        let issuer = try OutsideIssuer()
        defer { issuer.stop() }
        let file = "\(try TestRun.makeDirectory("jwks"))/keys.json"
        func write(_ text: String) throws { try text.write(toFile: file, atomically: true, encoding: .utf8) }
        try write(OutsideIssuer.set([old.publicJWK]))
        try withGateway { gateway in
            let tenant = try gateway.makeTenant()
            try gateway.trust(issuer.entry(["jwks_file": file]))
            let token = try issuer.token(old, for: tenant.id)
            #expect(try gateway.predict(token).status == 200)
            try write("no key set")
            try gateway.awaitFetch(issuer, "invalid")
            #expect(try gateway.predict(token).status == 200)
            let reload = try gateway.command(["reload"])
            #expect(reload.end == .exited(2) && reload.errors.contains(file), "\(reload)")
            #expect(try gateway.predict(token).status == 200)
            try write(OutsideIssuer.set([new.publicJWK]))
            try gateway.awaitFetch(issuer, "changed")
            #expect(try gateway.predict(token).json["code"]?.string == "token_key_unknown")
            #expect(try gateway.predict(issuer.token(new, for: tenant.id)).status == 200)
            #expect(issuer.requests.isEmpty)
        }
    }

    @Test("A reload takes an issuer in and drops it, with all that was remembered of its tokens")
    func reload() throws {
        let key = try SigningKey.generate(.es256)
        try withIssuer([key]) { gateway, issuer in
            let tenant = try gateway.makeTenant()
            let token = try issuer.token(key, for: tenant.id)
            let client = try gateway.tenants()
            func predict() throws -> Answer {
                try client.send("POST", "/predict", credential: token, body: Digit.body(0))
            }
            #expect(try predict().status == 200)
            try gateway.trust(issuer.entry(["audiences": "[api://other]"]))
            try expectRefusal(try predict(), 401, "token_audience_invalid", of: gateway)
            #expect(issuer.requests.count >= 1)
            try gateway.trust(issuer.entry())
            #expect(try predict().status == 200)
            let missing = try issuer.entry(authority: "/nonexistent/ca.pem")
            #expect(throws: HarnessError.self) { try gateway.trust(missing) }
            #expect(try predict().status == 200)
            try gateway.trust()
            try expectRefusal(try predict(), 401, "token_issuer_unknown", of: gateway)
            #expect(try gateway.metric("tollgate_jwks_keys") == 0)
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(gateway.state)/issuers").isEmpty)
        }
    }
}
