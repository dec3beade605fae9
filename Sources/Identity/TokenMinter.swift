// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import GatewayCrypto
import Synchronization

/// An access token just issued, and who it speaks for: ready for the verified-token cache.
public struct MintedToken: Sendable, CustomStringConvertible {
    /// The token itself: a secret.
    public let text: String
    /// Seconds.
    public let expiresIn: Int64
    /// What was granted, which may be less than was asked for (RFC 6749, section 3.3).
    public let scopes: ScopeSet
    /// Who the token speaks for, as verifying it would tell.
    public let principal: Principal
    /// The token's own id: 128 random bits in base64url.
    public let jti: String

    /// The `jti` alone: the text is a secret.
    public var description: String { "MintedToken(jti \(jti))" }
}

/// Why no token was issued.
public enum MintError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Nothing of what was asked for is allowed to the key.
    case noScopeGranted
    case keyExpired
    case signingFailed

    /// What was wrong and what to do.
    public var description: String {
        switch self {
        case .noScopeGranted: "none of the scopes asked for is allowed to this API key"
        case .keyExpired: "the API key has expired"
        case .signingFailed: "the token could not be signed; check that the signing keys' file is whole"
        }
    }
}

/// Issues the gateway's own access tokens: JWTs with the claims of RFC 9068, section 2.2, signed by libjwt where it knows
/// algorithm and type, by libcrypto where it does not.
public final class TokenMinter: Sendable {
    /// What a token says it is, in `typ`.
    public enum TokenType: String, Sendable, CaseIterable {
        /// As any JWT: libjwt signs it with RS* and ES*, and verifies it behind libcrypto.
        case plain = "JWT"
        /// As RFC 9068, section 2.1, has it, for those who insist on it; libjwt neither writes nor reads such tokens.
        case accessToken = "at+jwt"
    }

    private struct Signer {
        let key: SigningKey
        /// As libjwt takes it.
        let privatePEM: [UInt8]

        init(_ key: SigningKey) {
            self.key = key
            privatePEM = Array(key.privatePEM.utf8)
        }
    }

    private let signer: Mutex<Signer>
    private let issuer: String
    private let audience: String
    private let type: TokenType
    private let lifetimeSeconds: Int64
    private let leewaySeconds: Int64

    /// - Parameters:
    ///   - signingKey: signs until ``use(_:)`` gives another.
    ///   - leewaySeconds: the authenticator's, so that a principal from here ends when one from there does.
    public init(
        signingKey: SigningKey,
        issuer: String,
        audience: String,
        type: TokenType = .plain,
        lifetimeSeconds: Int64 = 900,
        leewaySeconds: Int64 = 30
    ) {
        signer = Mutex(Signer(signingKey))
        self.issuer = issuer
        self.audience = audience
        self.type = type
        self.lifetimeSeconds = lifetimeSeconds
        self.leewaySeconds = leewaySeconds
    }

    /// Signs with this key from now on; those who verify must know it already.
    public func use(_ key: SigningKey) {
        guard signer.withLock({ $0.key.keyID }) != key.keyID else { return }
        let new = Signer(key)
        signer.withLock { $0 = new }
    }

    /// Issues a token to a key that has just been proved.
    ///
    /// Takes about a millisecond, so not on an event loop.
    /// - Parameter scopes: what was asked for; the token gets what the key and its role allow of it.
    /// - Throws: `MintError`.
    public func mint(for key: APIKey, scopes: ScopeSet, now: UnixTime) throws(MintError) -> MintedToken {
        let granted = scopes.intersection(key.scopes).intersection(key.role.scopes)
        guard !granted.isEmpty else { throw .noScopeGranted }
        let lifetime = min(lifetimeSeconds, key.expiresAt.map { $0.seconds - now.seconds } ?? lifetimeSeconds)
        guard lifetime > 0 else { throw .keyExpired }
        let start = now.seconds
        let tokenID = Base64URL.encode(SecureRandom.bytes(16))
        let claims = AccessTokenClaims(
            key: key,
            audience: audience,
            tokenID: tokenID,
            scopes: granted,
            notBefore: UnixTime(seconds: start),
            expiresAt: UnixTime(seconds: start + lifetime)
        )
        let text = sign(
            strings: [
                ("iss", issuer), ("sub", claims.subject), ("aud", audience), ("jti", tokenID),
                ("scope", granted.description), ("client_id", key.id), ("tenant", key.tenant.description),
            ],
            integers: [("exp", start + lifetime), ("nbf", start), ("iat", start)]
        )
        guard let text else { throw .signingFailed }
        return MintedToken(
            text: text,
            expiresIn: lifetime,
            scopes: granted,
            principal: Principal(key: key, claims: claims, issuer: issuer, leewaySeconds: leewaySeconds),
            jti: tokenID
        )
    }

    private func sign(strings: [(String, String)], integers: [(String, Int64)]) -> String? {
        let signer = signer.withLock { $0 }
        if type == .plain, LibJWT.jwtAlgorithm(signer.key.algorithm) != nil {
            return LibJWT.sign(
                strings: strings,
                integers: integers,
                keyID: signer.key.keyID,
                algorithm: signer.key.algorithm,
                key: signer.privatePEM
            )
        }
        let header: JSON = [
            "alg": .string(signer.key.algorithm.rawValue), "typ": .string(type.rawValue),
            "kid": .string(signer.key.keyID),
        ]
        let claims = JSON.object(
            strings.map { JSON.Member($0, .string($1)) } + integers.map { JSON.Member($0, .integer($1)) }
        )
        // JWS Compact Serialization (RFC 7515, section 7.1).
        let signed = [header, claims].map { Base64URL.encode($0.serialized().utf8) }.joined(separator: ".")
        guard let signature = try? signer.key.sign(Array(signed.utf8)) else { return nil }
        return "\(signed).\(Base64URL.encode(signature))"
    }
}
