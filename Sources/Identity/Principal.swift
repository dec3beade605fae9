// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Synchronization

/// Who a request comes from, once proved: made when a credential is verified, shared by all its requests.
public final class Principal: Sendable {
    /// Whose request it is.
    public let tenant: TenantID
    /// What the credential's holder is to the gateway.
    public let role: Role
    /// The API key behind the credential; for outside issuers' tokens none.
    public let keyID: String?
    /// `sub` of the token (RFC 9068, section 2.2), or the key's id.
    public let subject: String
    /// `client_id` of the token (RFC 8693, section 4.3), or the key's id.
    public let clientID: String
    /// `iss` of the token; nil when the key itself was shown.
    public let issuer: String?
    /// `jti` of the token; outside issuers may leave it out.
    public let tokenID: String?
    /// What it may do.
    public let scopes: ScopeSet
    /// The models it reaches.
    public let models: ModelAccess
    /// Where its requests may come from; nil for anywhere.
    public let networks: [IPNetwork]?
    /// The limits of the key behind it, within the tenant's.
    public let limits: KeyLimits?
    /// Found at the first request, and the same from then on.
    private let use = Atomic<Unmanaged<KeyUse>?>(nil)
    /// `nbf` of the token.
    public let notBefore: UnixTime?
    /// `exp` of the token, or the end of the key that was shown.
    public let expiresAt: UnixTime?
    /// The first moment it counts no more: the token's end with leeway, or the key's own end if that comes first.
    public let validUntil: UnixTime?

    /// A principal; without `validUntil` it counts until `expiresAt`.
    public init(
        tenant: TenantID,
        role: Role,
        keyID: String?,
        subject: String,
        clientID: String,
        issuer: String?,
        tokenID: String?,
        scopes: ScopeSet,
        models: ModelAccess,
        networks: [IPNetwork]? = nil,
        limits: KeyLimits? = nil,
        notBefore: UnixTime?,
        expiresAt: UnixTime?,
        validUntil: UnixTime? = nil
    ) {
        self.tenant = tenant
        self.role = role
        self.keyID = keyID
        self.subject = subject
        self.clientID = clientID
        self.issuer = issuer
        self.tokenID = tokenID
        self.scopes = scopes
        self.models = models
        self.networks = networks
        self.limits = limits
        self.notBefore = notBefore
        self.expiresAt = expiresAt
        self.validUntil = validUntil ?? expiresAt
    }
}

extension Principal {
    /// Whether a request may come from that address; without one only where the key does not ask.
    public func mayCome(from address: IPAddress?) -> Bool {
        guard let networks else { return true }
        guard let address else { return false }
        return networks.contains { $0.contains(address) }
    }

    /// Notes that the key behind it was used.
    ///
    /// - Parameter directory: the only one of the process; it keeps what is noted.
    public func noteUse(at now: UnixTime, in directory: Directory) {
        if let known = use.load(ordering: .acquiring) {
            known._withUnsafeGuaranteedRef { $0.note(now) }
        } else if let keyID {
            let found = directory.use(ofKey: keyID)
            use.store(.passUnretained(found), ordering: .releasing)
            found.note(now)
        }
    }
}
