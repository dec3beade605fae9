// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// How an outside issuer's claims become a tenant, a client and scopes here.
public struct ClaimMapping: Hashable, Sendable {
    /// Where the tenant is from.
    public enum TenantSource: Hashable, Sendable {
        /// The claim holds the tenant's id.
        case claim(String)
        /// All of the issuer's tokens speak for this one.
        case fixed(TenantID)
    }

    /// Where the tenant is from.
    public var tenant: TenantSource
    /// The claim with the client's name; without it `azp` (OpenID Connect Core 1.0, section 2), else `sub`.
    public var clientClaim: String
    /// The claim with what the token may do: a string with spaces between the words (RFC 8693, section 4.2) or an array of
    /// strings. A token without it may do nothing.
    public var scopeClaim: String
    /// What the claim's words mean here; nil where they are the gateway's own scopes. Other words mean nothing.
    public var scopes: [String: ScopeSet]?

    /// A mapping; by default the claims are those of RFC 9068 with the gateway's own scopes.
    public init(
        tenant: TenantSource,
        clientClaim: String = "client_id",
        scopeClaim: String = "scope",
        scopes: [String: ScopeSet]? = nil
    ) {
        self.tenant = tenant
        self.clientClaim = clientClaim
        self.scopeClaim = scopeClaim
        self.scopes = scopes
    }

    /// What a tenant's token may do by these claims: never more than a tenant may.
    func scopes(of claims: JSON) throws(Refusal) -> ScopeSet {
        var granted: ScopeSet = []
        for word in try words(claims) { granted.formUnion(scopes.map { $0[word] ?? [] } ?? ScopeSet(word)) }
        return granted.intersection(Role.tenant.scopes)
    }

    private func words(_ claims: JSON) throws(Refusal) -> [String] {
        switch claims[scopeClaim] {
        case nil: return []
        case .string(let text): return text.split(separator: " ").map(String.init)
        case .array(let elements):
            let words = elements.compactMap(\.string)
            if words.count == elements.count { return words }
        default: break
        }
        throw AccessTokenClaims.invalid("\"\(scopeClaim)\" must be a string or an array of strings")
    }
}
