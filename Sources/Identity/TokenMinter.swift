// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import GatewayCrypto

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
        case .signingFailed: "libjwt could not sign the token; check that the signing key file is whole"
        }
    }
}

/// Issues the gateway's own access tokens: JWTs with the claims of RFC 9068, section 2.2, signed by libjwt.
public final class TokenMinter: Sendable {
    private let signingKey: SigningKey
    private let privatePEM: [UInt8]
    private let issuer: String
    private let audience: String
    private let lifetimeSeconds: Int64
    private let leewaySeconds: Int64

    /// - Parameters:
    ///   - signingKey: for one of RS256, RS384, RS512, ES256, ES384 and ES512, which libjwt signs with.
    ///   - leewaySeconds: the authenticator's, so that a principal from here ends when one from there does.
    public init(
        signingKey: SigningKey,
        issuer: String,
        audience: String,
        lifetimeSeconds: Int64 = 900,
        leewaySeconds: Int64 = 30
    ) {
        precondition(
            LibJWT.jwtAlgorithm(signingKey.algorithm) != nil,
            "libjwt cannot sign with \(signingKey.algorithm.rawValue)"
        )
        self.signingKey = signingKey
        privatePEM = Array(signingKey.privatePEM.utf8)
        self.issuer = issuer
        self.audience = audience
        self.lifetimeSeconds = lifetimeSeconds
        self.leewaySeconds = leewaySeconds
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
        let text = LibJWT.sign(
            strings: [
                ("iss", issuer), ("sub", claims.subject), ("aud", audience), ("jti", tokenID),
                ("scope", granted.description), ("client_id", key.id), ("tenant", key.tenant.description),
            ],
            integers: [("exp", start + lifetime), ("nbf", start), ("iat", start)],
            keyID: signingKey.keyID,
            algorithm: signingKey.algorithm,
            key: privatePEM
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
}
