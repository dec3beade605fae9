// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// The claims of an access token (RFC 9068, section 2.2), their types checked and nothing else.
struct AccessTokenClaims {
    let audiences: [String]
    let subject: String
    let clientID: String
    /// nil only where another issuer left it out.
    let tokenID: String?
    let tenant: TenantID
    let scopes: ScopeSet
    let expiresAt: UnixTime
    /// The later of `nbf` and `iat`: a token from the future is not valid yet.
    let notBefore: UnixTime?

    /// The claims of a token in the gateway's own name.
    ///
    /// - Throws: `ReasonCode.tokenClaims` for a claim that is missing or of another type.
    init(_ claims: JSON) throws(Refusal) {
        audiences = try Self.audiences(claims)
        subject = try Self.text(claims, "sub")
        clientID = try Self.text(claims, "client_id")
        tokenID = try Self.text(claims, "jti")
        expiresAt = try Self.required(Self.moment(claims, "exp"), "exp")
        let issuedAt = try Self.required(Self.moment(claims, "iat"), "iat")
        notBefore = max(issuedAt, try Self.moment(claims, "nbf") ?? issuedAt)
        scopes = ScopeSet(try Self.text(claims, "scope"))
        tenant = try Self.tenant(claims, "tenant")
    }

    /// The claims of another issuer's token. Not all issuers know `client_id` and `jti`, so those may be missing.
    ///
    /// - Throws: `ReasonCode.tokenClaims` for a claim that is missing or of another type.
    init(_ claims: JSON, mapping: ClaimMapping) throws(Refusal) {
        audiences = try Self.audiences(claims)
        subject = try Self.text(claims, "sub")
        let client = [mapping.clientClaim, "azp"].first { claims[$0] != nil }
        clientID = try client.map { name throws(Refusal) in try Self.text(claims, name) } ?? subject
        tokenID = claims["jti"] == nil ? nil : try Self.text(claims, "jti")
        expiresAt = try Self.required(Self.moment(claims, "exp"), "exp")
        let issuedAt = try Self.required(Self.moment(claims, "iat"), "iat")
        notBefore = max(issuedAt, try Self.moment(claims, "nbf") ?? issuedAt)
        scopes = try mapping.scopes(of: claims)
        switch mapping.tenant {
        case .claim(let name): tenant = try Self.tenant(claims, name)
        case .fixed(let fixed): tenant = fixed
        }
    }

    /// The claims of a token that the gateway issues: the client is its own subject (RFC 9068, section 2.2).
    init(
        key: APIKey,
        audience: String,
        tokenID: String,
        scopes: ScopeSet,
        notBefore: UnixTime,
        expiresAt: UnixTime
    ) {
        audiences = [audience]
        subject = key.id
        clientID = key.id
        self.tokenID = tokenID
        tenant = key.tenant
        self.scopes = scopes
        self.expiresAt = expiresAt
        self.notBefore = notBefore
    }

    /// A string, or an array of strings (RFC 7519, section 4.1.3).
    private static func audiences(_ claims: JSON) throws(Refusal) -> [String] {
        switch claims["aud"] {
        case .string(let audience): return [audience]
        case .array(let elements):
            let audiences = elements.compactMap(\.string)
            guard audiences.count == elements.count else { throw invalid("\"aud\" must hold strings alone") }
            return audiences
        case nil: throw invalid("\"aud\" is missing")
        default: throw invalid("\"aud\" must be a string or an array of strings")
        }
    }

    private static func tenant(_ claims: JSON, _ name: String) throws(Refusal) -> TenantID {
        let text = try text(claims, name)
        guard let tenant = TenantID(text) else {
            throw invalid("\"\(name)\" must be the name of a tenant", detail: printable(text))
        }
        return tenant
    }

    private static func text(_ claims: JSON, _ name: String) throws(Refusal) -> String {
        let value = try required(claims[name], name)
        guard let text = value.string, !text.isEmpty else { throw invalid("\"\(name)\" must be a string, not empty") }
        return text
    }

    private static func moment(_ claims: JSON, _ name: String) throws(Refusal) -> UnixTime? {
        guard let value = claims[name] else { return nil }
        // Nine thousand million seconds end in 2255, short of what 64 bits of nanoseconds hold.
        guard let seconds = value.integer, (0...9_000_000_000).contains(seconds) else {
            throw invalid("\"\(name)\" must be a whole number of seconds since 1970")
        }
        return UnixTime(seconds: seconds)
    }

    private static func required<Value>(_ value: Value?, _ name: String) throws(Refusal) -> Value {
        guard let value else { throw invalid("\"\(name)\" is missing") }
        return value
    }

    static func invalid(_ what: String, detail: String = "") -> Refusal {
        Refusal(.tokenClaims, "The access token's claims are not acceptable: \(what).", detail: detail)
    }
}
