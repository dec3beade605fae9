// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import GatewayCore
import GatewayCrypto
import Testing

@testable import Identity

@Suite struct TokenMinterTests {
    static let algorithms: [SignatureAlgorithm] = [.rs256, .rs384, .rs512, .es256, .es384, .es512, .ed25519]

    private func minter(
        _ algorithm: SignatureAlgorithm,
        type: TokenMinter.TokenType = .plain
    ) -> (TokenMinter, Authenticator, Fixture) {
        let fixture = Fixture()
        let signer = Fixture.signers[algorithm]!
        let minter = TokenMinter(
            signingKey: signer,
            issuer: Fixture.issuerName,
            audience: Fixture.audience,
            type: type
        )
        let issuer = TrustedIssuer(
            issuer: Fixture.issuerName,
            keys: [signer.keyID: signer.verificationKey],
            kind: .local
        )
        let authenticator = Authenticator(
            directory: fixture.directory,
            pepper: fixture.pepper,
            issuers: [issuer],
            audience: Fixture.audience
        )
        return (minter, authenticator, fixture)
    }

    @Test(
        "a minted token passes all four doors, as the principal that came with it",
        arguments: algorithms,
        TokenMinter.TokenType.allCases
    )
    func roundTrip(algorithm: SignatureAlgorithm, type: TokenMinter.TokenType) throws {
        let (minter, authenticator, fixture) = minter(algorithm, type: type)
        // An elliptic signature's numbers are sometimes short: enough tokens to meet that.
        for _ in 0..<(algorithm.rawValue.hasPrefix("E") ? 60 : 3) {
            let minted = try minter.mint(for: fixture.key, scopes: [.predict, .modelsRead], now: fixture.now)
            #expect(ERR_peek_error() == 0)
            let gated = try Array(minted.text.utf8).withUnsafeBytes { authenticator.gate($0) }.get()
            let principal = try authenticator.admit(gated, now: fixture.now).get()
            #expect(principal.tenant == minted.principal.tenant && principal.role == minted.principal.role)
            #expect(principal.keyID == minted.principal.keyID && principal.subject == minted.principal.subject)
            #expect(principal.clientID == minted.principal.clientID && principal.issuer == minted.principal.issuer)
            #expect(principal.tokenID == minted.jti && minted.principal.tokenID == minted.jti)
            #expect(principal.scopes == minted.scopes && minted.principal.scopes == minted.scopes)
            #expect(principal.models == minted.principal.models)
            #expect(principal.notBefore == minted.principal.notBefore)
            #expect(principal.expiresAt == minted.principal.expiresAt)
            #expect(principal.validUntil == minted.principal.validUntil)
        }
        #expect(authenticator.disagreements == 0)
    }

    @Test(
        "the token says what RFC 9068 asks for, with a fresh jti, under the key's thumbprint",
        arguments: [SignatureAlgorithm.es256, .rs256, .ed25519],
        TokenMinter.TokenType.allCases
    )
    func content(algorithm: SignatureAlgorithm, type: TokenMinter.TokenType) throws {
        let (minter, _, fixture) = minter(algorithm, type: type)
        let minted = try minter.mint(for: fixture.key, scopes: .predict, now: fixture.now)
        let parts = minted.text.split(separator: ".")
        let header = try JSON.parse(#require(Base64URL.decode(parts[0].utf8)))
        let claims = try JSON.parse(#require(Base64URL.decode(parts[1].utf8)))
        #expect(header["alg"]?.string == algorithm.rawValue && header["typ"]?.string == type.rawValue)
        #expect(header["kid"]?.string == Fixture.signers[algorithm]!.keyID)
        #expect(header.members?.count == 3)
        let expected = fixture.claims.with("jti", .string(minted.jti)).with("scope", "predict")
            .with("exp", .integer(fixture.now.seconds + 900))
        for member in try #require(expected.members) { #expect(claims[member.name] == member.value, "\(member.name)") }
        #expect(claims.members?.count == expected.members?.count)
        #expect(minted.expiresIn == 900)
        #expect(minted.jti.utf8.count == 22)
        let again = try minter.mint(for: fixture.key, scopes: .predict, now: fixture.now)
        #expect(again.jti != minted.jti)
        #expect(!"\(minted)".contains(parts[2]) && !"\(minted)".contains(parts[1]))
    }

    @Test("another key signs once it is given")
    func use() throws {
        let (minter, _, fixture) = minter(.es256)
        for algorithm in [SignatureAlgorithm.ed25519, .es256, .rs256] {
            let signer = try #require(Fixture.signers[algorithm])
            minter.use(signer)
            let text = try minter.mint(for: fixture.key, scopes: .predict, now: fixture.now).text
            let header = try JSON.parse(#require(Base64URL.decode(text.prefix { $0 != "." }.utf8)))
            #expect(header["kid"]?.string == signer.keyID && header["alg"]?.string == algorithm.rawValue)
        }
    }

    @Test("no more is granted than key and role allow, and nothing is an error")
    func scopes() throws {
        let (minter, _, fixture) = minter(.es256)
        let minted = try minter.mint(for: fixture.key, scopes: [.predict, .admin, .auditRead], now: fixture.now)
        #expect(minted.scopes == .predict)
        #expect(throws: MintError.noScopeGranted) {
            try minter.mint(for: fixture.key, scopes: .admin, now: fixture.now)
        }
        #expect(throws: MintError.noScopeGranted) { try minter.mint(for: fixture.key, scopes: [], now: fixture.now) }
    }

    @Test("a token does not outlive its key")
    func lifetime() throws {
        var (minter, _, fixture) = minter(.es256)
        fixture.key.expiresAt = fixture.now + 60
        let minted = try minter.mint(for: fixture.key, scopes: .predict, now: fixture.now)
        #expect(minted.expiresIn == 60)
        #expect(minted.principal.validUntil == fixture.now + 60)
        #expect(throws: MintError.keyExpired) {
            try minter.mint(for: fixture.key, scopes: .predict, now: fixture.now + 60)
        }
    }
}
