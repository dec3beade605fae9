// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto
import Testing

@testable import Identity

/// What an outside issuer's claims mean here.
@Suite struct JWKSClaimsTests {
    let fixture = Fixture()
    private let issuer = "https://login.example"

    private func trust(_ mapping: ClaimMapping) {
        fixture.authenticator.replaceOutsideIssuers(
            with: [
                TrustedIssuer(
                    issuer: issuer,
                    audiences: ["api://gateway"],
                    keys: ["outside": Fixture.signers[.ed25519]!.verificationKey],
                    kind: .outside(mapping)
                )
            ]
        )
    }

    private func verify(_ change: (JSON) -> JSON = { $0 }) throws -> Result<Principal, Refusal> {
        let claims = fixture.claims.with("iss", .string(issuer)).with("aud", "api://gateway").with("client_id", "app")
        let header = Fixture.header(.ed25519, type: "at+jwt").with("kid", "outside")
        return fixture.verify(try fixture.token(.ed25519, header: header, claims: change(claims)))
    }

    @Test func `scopes come as a text or a list, of whatever claim`() throws {
        for (name, value): (String, JSON) in [
            ("scope", "predict models:read openid"), ("scp", ["predict", "models:read"]),
            ("scp", "predict models:read"),
            ("roles", ["predict", "other", "models:read"]),
        ] {
            trust(ClaimMapping(tenant: .claim("tenant"), scopeClaim: name))
            let answer = try verify { $0.with("scope", nil).with(name, value) }
            #expect(try answer.get().scopes == [.predict, .modelsRead], "\(name)")
        }
    }

    @Test func `a token without the claim may do nothing, and one of another type is refused`() throws {
        trust(ClaimMapping(tenant: .claim("tenant"), scopeClaim: "roles"))
        #expect(try verify().get().scopes.isEmpty)
        for value: JSON in [1, .null, [1], ["predict", 1], [:], true] {
            #expect(try verify { $0.with("roles", value) }.code == .tokenClaims)
        }
    }

    @Test func `a map decides alone what the issuer's words mean, and never gives what only operators have`() throws {
        trust(
            ClaimMapping(
                tenant: .claim("tenant"),
                scopes: ["Models.Use": [.predict, .modelsRead], "Root": [.admin, .predict]]
            )
        )
        #expect(try verify { $0.with("scope", "Models.Use") }.get().scopes == [.predict, .modelsRead])
        #expect(try verify { $0.with("scope", "predict models.use") }.get().scopes.isEmpty)
        #expect(try verify { $0.with("scope", "Root") }.get().scopes == .predict)
        trust(ClaimMapping(tenant: .claim("tenant")))
        #expect(try verify { $0.with("scope", "admin audit:read metrics:read predict") }.get().scopes == .predict)
    }

    @Test func `a fixed tenant stands whatever the token says, and must be alive`() throws {
        trust(ClaimMapping(tenant: .fixed(fixture.tenant.id)))
        #expect(try verify { $0.with("tenant", "other") }.get().tenant == fixture.tenant.id)
        #expect(try verify { $0.with("tenant", nil) }.get().tenant == fixture.tenant.id)
        trust(ClaimMapping(tenant: .fixed(TenantID("nobody")!)))
        #expect(try verify().code == .tenantDisabled)
    }

    @Test func `a client has a name by one claim or another`() throws {
        trust(ClaimMapping(tenant: .claim("tenant"), clientClaim: "appid"))
        #expect(try verify { $0.with("appid", "a").with("azp", "b") }.get().clientID == "a")
        #expect(try verify { $0.with("azp", "b") }.get().clientID == "b")
        #expect(try verify { $0.with("sub", "c") }.get().clientID == "c")
        #expect(try verify { $0.with("appid", 1) }.code == .tokenClaims)
    }

    @Test func `a token without jti is taken, and its end is told as a token's`() throws {
        trust(ClaimMapping(tenant: .claim("tenant")))
        let principal = try verify { $0.with("jti", nil) }.get()
        #expect(principal.tokenID == nil)
        let refusal = fixture.authenticator.recheck(principal, now: Fixture.now + 700)
        #expect(refusal?.code == .tokenExpired)
        #expect(refusal?.sentence.contains("its issuer") == true)
        #expect(try verify { $0.with("jti", "") }.code == .tokenClaims)
    }

    @Test func `an unknown key is worth a look at the issuer, unless the issuer is the gateway itself`() throws {
        trust(ClaimMapping(tenant: .claim("tenant")))
        func missing(_ token: String) -> (ReasonCode, MissingKey?) {
            var missing: MissingKey?
            let code = Array(token.utf8).withUnsafeBytes { fixture.authenticator.gate($0, missing: &missing).code }
            return (code, missing)
        }
        let claims = fixture.claims.with("iss", .string(issuer))
        let header = Fixture.header(.ed25519).with("kid", "new")
        let token = try fixture.token(.ed25519, header: header, claims: claims)
        #expect(missing(token) == (.tokenKeyUnknown, MissingKey(issuer: issuer, keyID: "new")))
        #expect(missing(try fixture.token(.ed25519, header: header)) == (.tokenKeyUnknown, nil))
        #expect(missing(try fixture.token(.ed25519, header: header.with("kid", nil), claims: claims)).1 == nil)

        fixture.authenticator.replaceKeys(of: issuer, with: nil)
        #expect(missing(token) == (.issuerUnavailable, MissingKey(issuer: issuer, keyID: "new")))
        #expect(fixture.gate(token).refusal?.retryAfter != nil)
    }
}
