// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto
import Testing

@testable import Identity

/// Doors three and four: libjwt, claims and revocation.
@Suite struct AdmissionTests {
    let fixture = Fixture()

    @Test("libjwt agrees with libcrypto on every algorithm it has, and the others pass without it")
    func agreement() throws {
        for algorithm in SignatureAlgorithm.allCases {
            for type in ["JWT", "jwt", "at+jwt", nil] {
                let token = try fixture.token(algorithm, header: Fixture.header(algorithm, type: type))
                #expect(fixture.verify(token).code == .ok, "\(algorithm) \(type ?? "none")")
                let isLibJWTs = "HRE".contains(algorithm.rawValue.first!) && algorithm != .ed25519 && type != "at+jwt"
                #expect(LibJWT.canVerify(algorithm, type: type) == isLibJWTs)
            }
        }
        #expect(fixture.authenticator.disagreements == 0)
    }

    @Test("libjwt by itself refuses a wrong signature, key or claim under every algorithm it has")
    func libjwtRefuses() throws {
        for algorithm in SignatureAlgorithm.allCases where LibJWT.canVerify(algorithm, type: "JWT") {
            let gated = try fixture.gate(fixture.token(algorithm)).get()
            #expect(LibJWT.confirms(gated.bytes, key: gated.key, claims: gated.claims))
            var forged = gated.bytes
            let position = forged.lastIndex(of: UInt8(ascii: "."))! + 20
            forged[position] = forged[position] == 65 ? 66 : 65
            #expect(!LibJWT.confirms(forged, key: gated.key, claims: gated.claims), "\(algorithm)")
            let other = algorithm == .rs256 ? SignatureAlgorithm.es256 : .rs256
            let key = Fixture.signers[other]!.verificationKey
            #expect(!LibJWT.confirms(gated.bytes, key: key, claims: gated.claims), "\(algorithm)")
            for claims in [gated.claims.with("tenant", "other"), gated.claims.with("exp", 1)] {
                #expect(!LibJWT.confirms(gated.bytes, key: gated.key, claims: claims))
            }
        }
    }

    @Test("a token that libjwt refuses though libcrypto accepts it is refused, and raises the alarm")
    func disagreement() throws {
        // libjwt's JSON reader takes no NUL in a string and no integer beyond 64 bits; both are right by RFC 8259.
        for payload in [
            fixture.claims.with("note", "a\u{0}b").serialized(),
            fixture.claims.serialized().dropLast() + #","n":99999999999999999999}"#,
        ] {
            let before = fixture.authenticator.disagreements
            let token = try Fixture.token(header: Fixture.header(.es256).serialized(), payload: String(payload))
            #expect(fixture.verify(token).code == .tokenDoorsDisagree)
            #expect(fixture.authenticator.disagreements == before + 1)
        }
    }

    @Test("the principal is the key's, with what token and key both allow")
    func principal() throws {
        let principal = try fixture.verify(fixture.token()).get()
        #expect(principal.tenant == fixture.tenant.id)
        #expect(principal.role == .tenant)
        #expect(principal.keyID == fixture.key.id && principal.clientID == fixture.key.id)
        #expect(principal.subject == fixture.key.id)
        #expect(principal.issuer == Fixture.issuerName)
        #expect(principal.tokenID == "token-1")
        // The token also says admin, and so does the key: the role forbids it.
        #expect(principal.scopes == .predict)
        #expect(principal.models == fixture.key.models)
        #expect(principal.expiresAt == fixture.now + 600)
        #expect(principal.validUntil == fixture.now + 630)
        #expect(principal.notBefore == fixture.now)
    }

    @Test("a token that names no scope of the gateway allows nothing")
    func unknownScope() throws {
        let claims = fixture.claims.with("scope", "openid profile")
        #expect(try fixture.verify(fixture.token(claims: claims)).get().scopes.isEmpty)
    }

    @Test("every claim must be there, in its type")
    func claims() throws {
        for name in ["sub", "jti", "client_id", "scope", "tenant"] {
            for value: JSON? in [nil, .null, 1, true, "", [], ["x"], [:]] {
                let token = try fixture.token(claims: fixture.claims.with(name, value))
                #expect(fixture.verify(token).code == .tokenClaims, "\(name) \(String(describing: value))")
            }
        }
        for name in ["exp", "iat", "nbf"] {
            var wrong: [JSON?] = [
                .null, "1800000600", 1.8e9, 1800000600.5, true, [], -1, 1_800_000_600_000, .integer(.max),
                .integer(.min),
            ]
            if name != "nbf" { wrong.append(nil) }
            for value in wrong {
                let token = try fixture.token(claims: fixture.claims.with(name, value))
                #expect(fixture.verify(token).code == .tokenClaims, "\(name) \(String(describing: value))")
            }
        }
        for value: JSON? in [nil, .null, 1, [1], [.string(Fixture.audience), 1], [:]] {
            #expect(try fixture.verify(fixture.token(claims: fixture.claims.with("aud", value))).code == .tokenClaims)
        }
        #expect(try fixture.verify(fixture.token(claims: fixture.claims.with("nbf", nil))).code == .ok)
    }

    @Test("the audience must be the gateway, alone or among others")
    func audience() throws {
        for value: JSON in ["other", [], ["other", "else"], "gatewa", "gateway2", "Gateway", "api://gateway", ""] {
            let token = try fixture.token(claims: fixture.claims.with("aud", value))
            #expect(fixture.verify(token).code == .tokenAudience, "\(value)")
        }
        #expect(try fixture.verify(fixture.token(claims: fixture.claims.with("aud", ["x", "gateway"]))).code == .ok)
    }

    @Test("an audience that Unicode holds equivalent to the gateway's is another one")
    func equivalentAudience() throws {
        let name = "toll-Kiosk"
        let issuer = TrustedIssuer(
            issuer: Fixture.issuerName,
            audiences: [name],
            keys: ["ES256": Fixture.signers[.es256]!.verificationKey],
            kind: .local
        )
        let authenticator = Authenticator(
            directory: fixture.directory,
            pepper: fixture.pepper,
            issuers: [issuer],
            audience: Fixture.audience
        )
        // The Kelvin sign decomposes to a K.
        for (audience, code) in [(name, ReasonCode.ok), ("toll-\u{212a}iosk", .tokenAudience)] {
            let token = try fixture.token(claims: fixture.claims.with("aud", .string(audience)))
            let gated = try Array(token.utf8).withUnsafeBytes { try authenticator.gate($0).get() }
            #expect(authenticator.admit(gated, now: fixture.now).code == code)
        }
    }

    @Test("a token from the future is not valid before it was issued, whatever its nbf says")
    func future() throws {
        for notBefore: JSON? in [nil, .integer(fixture.now.seconds - 100)] {
            let claims = fixture.claims.with("iat", .integer(fixture.now.seconds + 100)).with("nbf", notBefore)
            let token = try fixture.token(claims: claims)
            #expect(fixture.verify(token).code == .tokenNotYetValid)
            #expect(fixture.verify(token, now: fixture.now + 69).code == .tokenNotYetValid)
            #expect(fixture.verify(token, now: fixture.now + 70).code == .ok)
        }
    }

    @Test("the time limits hold to the second, with the leeway stated")
    func time() throws {
        let token = try fixture.token()
        #expect(fixture.verify(token, now: fixture.now + 629).code == .ok)
        #expect(fixture.verify(token, now: fixture.now + 630).code == .tokenExpired)
        #expect(fixture.verify(token, now: fixture.now + -30).code == .ok)
        #expect(fixture.verify(token, now: fixture.now + -31).code == .tokenNotYetValid)
        let expired = try #require(fixture.verify(token, now: fixture.now + 635).refusal)
        #expect(expired.sentence == "The access token expired 35 s ago; get a new one from POST /oauth/token.")
    }

    @Test("the key behind a token must be live and its tenant's own")
    func key() throws {
        var fixture = self.fixture
        let token = try fixture.token()
        let stranger = fixture.claims.with("client_id", "00000000")
        #expect(try fixture.verify(fixture.token(claims: stranger)).code == .keyInvalid)
        fixture.directory.put(
            Tenant(id: TenantID("other")!, displayName: "", plan: PlanName("basic")!, createdAt: fixture.now)
        )
        #expect(try fixture.verify(fixture.token(claims: fixture.claims.with("tenant", "other"))).code == .tokenClaims)
        #expect(
            try fixture.verify(fixture.token(claims: fixture.claims.with("tenant", "Not a name"))).code == .tokenClaims
        )

        fixture.key.expiresAt = fixture.now + 100
        fixture.directory.put(fixture.key)
        #expect(fixture.verify(token, now: fixture.now + 99).code == .ok)
        // No leeway for the key: its end is by the gateway's own clock.
        #expect(fixture.verify(token, now: fixture.now + 100).code == .keyExpired)
        fixture.key.revokedAt = fixture.now
        fixture.directory.put(fixture.key)
        #expect(fixture.verify(token).code == .keyRevoked)
    }

    @Test("a disabled tenant's and a revoked token are refused")
    func revocation() throws {
        let token = try fixture.token()
        fixture.directory.revoke(token: "token-2", until: fixture.now + 600)
        #expect(fixture.verify(token).code == .ok)
        fixture.directory.revoke(token: "token-1", until: fixture.now + 600)
        #expect(fixture.verify(token).code == .tokenRevoked)
        let other = try fixture.token(claims: fixture.claims.with("jti", "token-3"))
        #expect(fixture.verify(other).code == .ok)
        var tenant = fixture.tenant
        tenant.isDisabled = true
        fixture.directory.put(tenant)
        #expect(fixture.verify(other).code == .tenantDisabled)
    }

    @Test("an outside issuer's token speaks for the tenant it names, and never for the operators")
    func outside() throws {
        func token(_ change: (JSON) -> JSON = { $0 }) throws -> String {
            let claims = fixture.claims.with("iss", "https://login.example").with("aud", "api://gateway")
                .with("tenant", nil).with("org", "acme").with("client_id", "app").with("sub", "someone")
            return try fixture.token(
                .ed25519,
                header: Fixture.header(.ed25519, type: "at+jwt").with("kid", "outside"),
                claims: change(claims)
            )
        }
        let principal = try fixture.verify(token()).get()
        #expect(principal.tenant == fixture.tenant.id && principal.role == .tenant)
        #expect(principal.keyID == nil && principal.clientID == "app" && principal.subject == "someone")
        #expect(principal.scopes == .predict)
        #expect(try fixture.verify(token { $0.with("aud", "gateway") }).code == .tokenAudience)
        #expect(try fixture.verify(token { $0.with("org", "system") }).code == .tokenClaims)
        #expect(try fixture.verify(token { $0.with("org", "nobody") }).code == .tenantDisabled)
        #expect(try fixture.verify(token { $0.with("org", nil).with("tenant", "acme") }).code == .tokenClaims)
    }
}
