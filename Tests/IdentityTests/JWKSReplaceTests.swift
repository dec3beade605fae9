// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto
import Synchronization
import Testing

@testable import Identity

/// Issuers and keys that change while tokens are verified.
@Suite struct JWKSReplaceTests {
    let fixture = Fixture()

    private var localKeys: [String: VerificationKey] {
        fixture.authenticator.issuers.withLock { $0[Fixture.issuerName]?.keys ?? [:] }
    }

    private func outsideToken() throws -> String {
        let claims = fixture.claims.with("iss", "https://login.example").with("aud", "api://gateway")
            .with("org", "acme").with("client_id", "app")
        return try fixture.token(.ed25519, header: Fixture.header(.ed25519).with("kid", "outside"), claims: claims)
    }

    private func code(_ cache: inout VerifiedTokenCache, _ token: String) -> ReasonCode? {
        Array(token.utf8).withUnsafeBytes {
            cache.lookup(token: $0, now: Fixture.now, authenticator: fixture.authenticator)?.code
        }
    }

    private func cache(_ tokens: String...) throws -> VerifiedTokenCache {
        var cache = VerifiedTokenCache(capacity: 8)
        for token in tokens {
            let generation = fixture.directory.generation
            let principal = try fixture.verify(token).get()
            Array(token.utf8).withUnsafeBytes {
                cache.insert(token: $0, principal: principal, generation: generation)
            }
        }
        return cache
    }

    @Test("a key that is taken out verifies nothing more, cached tokens included")
    func removed() throws {
        let token = try fixture.token()
        var cache = try cache(token)
        var keys = localKeys
        keys["ES256"] = nil
        #expect(fixture.authenticator.replaceKeys(of: Fixture.issuerName, with: keys))
        #expect(code(&cache, token) == nil)
        #expect(fixture.verify(token).code == .tokenKeyUnknown)
    }

    @Test("a key under an old name is another key")
    func exchanged() throws {
        let token = try fixture.token()
        var cache = try cache(token)
        var keys = localKeys
        keys["ES256"] = try SigningKey.generate(.es256).verificationKey
        fixture.authenticator.replaceKeys(of: Fixture.issuerName, with: keys)
        #expect(code(&cache, token) == nil)
        #expect(fixture.verify(token).code == .tokenSignature)
    }

    @Test("a new key beside the old ones costs no cached token, and verifies at once")
    func added() throws {
        let token = try fixture.token()
        var cache = try cache(token)
        var keys = localKeys
        keys["new"] = keys["ES256"]
        fixture.authenticator.replaceKeys(of: Fixture.issuerName, with: keys)
        #expect(code(&cache, token) == .ok)
        let next = try fixture.token(header: Fixture.header(.es256).with("kid", "new"))
        #expect(fixture.verify(next).code == .ok)
    }

    @Test("keys of an issuer that is not trusted are not taken")
    func unknown() {
        #expect(!fixture.authenticator.replaceKeys(of: "https://evil.example", with: localKeys))
    }

    @Test("an outside issuer that is dropped is refused, cached tokens included; the gateway's own stay")
    func dropped() throws {
        let (own, outside) = (try fixture.token(), try outsideToken())
        var cache = try cache(own, outside)
        fixture.authenticator.replaceOutsideIssuers(with: [])
        #expect(code(&cache, outside) == nil)
        #expect(fixture.verify(outside).code == .tokenIssuer)
        #expect(code(&cache, own) == .ok)
    }

    @Test("an issuer whose audience changes is asked again, with the keys it has")
    func audience() throws {
        let token = try outsideToken()
        var cache = try cache(token)
        let changed = TrustedIssuer(
            issuer: "https://login.example",
            audiences: ["api://other"],
            keys: nil,
            kind: .outside(tenantClaim: "org")
        )
        fixture.authenticator.replaceOutsideIssuers(with: [changed], keepingKeysOf: ["https://login.example"])
        #expect(code(&cache, token) == nil)
        #expect(fixture.verify(token).code == .tokenAudience)
    }

    @Test("nobody takes the gateway's own place")
    func own() throws {
        let token = try fixture.token()
        let thief = TrustedIssuer(issuer: Fixture.issuerName, keys: [:], kind: .outside(tenantClaim: "org"))
        fixture.authenticator.replaceOutsideIssuers(with: [thief])
        #expect(fixture.verify(token).code == .ok)
    }
}
