// SPDX-License-Identifier: Apache-2.0

public import GatewayCrypto

/// An issuer of access tokens, and what its tokens must look like.
public struct TrustedIssuer: Sendable {
    /// Whose server it is, and with that how its claims are read.
    public enum Kind: Hashable, Sendable {
        /// The gateway itself: `client_id` is the API key that the token was issued to.
        case local
        /// Another authorization server, whose claims mean this.
        case outside(ClaimMapping)

        /// Another authorization server: the named claim holds the tenant's id, and all else is as in RFC 9068.
        public static func outside(tenantClaim: String) -> Kind {
            .outside(ClaimMapping(tenant: .claim(tenantClaim)))
        }
    }

    /// `iss`, compared byte for byte.
    public var issuer: String
    /// The audiences to accept instead of the gateway's own; empty for that one alone.
    public var audiences: Set<String>
    /// By `kid`. One key has one algorithm, which is why a token cannot choose. nil while the keys cannot be had, which is
    /// no fault of a token.
    public var keys: [String: VerificationKey]?
    /// Whose server it is.
    public var kind: Kind

    /// An issuer with the keys known now.
    public init(issuer: String, audiences: Set<String> = [], keys: [String: VerificationKey]?, kind: Kind) {
        self.issuer = issuer
        self.audiences = audiences
        self.keys = keys
        self.kind = kind
    }

    /// Whether every token that passes with this issuer also passes with the other one, and means the same there.
    func isKept(by other: TrustedIssuer) -> Bool {
        guard audiences == other.audiences, kind == other.kind else { return false }
        return (keys ?? [:]).allSatisfy { id, key in other.keys?[id]?.isSame(as: key) ?? false }
    }
}
