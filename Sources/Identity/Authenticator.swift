// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import GatewayCrypto
import Synchronization

/// Proves who a credential belongs to: an API key at once, an access token through four doors.
///
/// Doors one and two (``gate(_:)``) are cheap and run on the event loop; three and four (``admit(_:now:)``) run off
/// it. What they return may be cached as long as ``recheck(_:now:)`` has no objection.
public final class Authenticator: Sendable {
    /// The tenants and keys it decides by.
    public let directory: Directory
    private let pepper: Pepper
    /// By `iss`.
    let issuers: Mutex<[String: TrustedIssuer]>
    let audience: String
    let leewaySeconds: Int64
    let disagreed = Atomic<UInt64>(0)

    /// - Parameters:
    ///   - audience: the gateway's own name, which tokens must carry in `aud`.
    ///   - leewaySeconds: how far the clocks of gateway and issuer may differ.
    public init(
        directory: Directory,
        pepper: Pepper,
        issuers: [TrustedIssuer],
        audience: String,
        leewaySeconds: Int64 = 30
    ) {
        self.directory = directory
        self.pepper = pepper
        self.issuers = Mutex(Dictionary(issuers.map { ($0.issuer, $0) }) { $1 })
        self.audience = audience
        self.leewaySeconds = leewaySeconds
    }

    /// How often libjwt and libcrypto judged one token differently: not once, unless something is very wrong.
    public var disagreements: UInt64 { disagreed.load(ordering: .relaxed) }

    // MARK: - API keys

    /// Proves a whole API key, shown as bearer token or client secret.
    ///
    /// Whether a key is revoked or expired is said only to who knows its secret.
    public func authenticate(key text: UnsafeRawBufferPointer, now: UnixTime) -> Result<Principal, Refusal> {
        Result { () throws(Refusal) in
            guard let (id, secret) = APIKeyFormat.parse(text) else {
                throw Refusal(.keyInvalid, "The API key is not a key of this gateway: its form or checksum is wrong.")
            }
            let shown = pepper.hash(secret: secret)
            let known = directory.lookup(key: id)
            // An unknown id takes the same road as a wrong secret.
            let isCurrent = constantTimeEqual(shown, known?.key.secretHash ?? Self.nobody)
            let isRetiring = constantTimeEqual(shown, known?.key.retiring?.hash ?? Self.nobody)
            guard isCurrent || isRetiring, let known else {
                throw Refusal(
                    .keyInvalid,
                    "The API key is not known here; check that it was copied whole and not deleted.",
                    // Equally long: the record is written before the answer leaves, and its length is time.
                    detail: (known == nil ? "there is no such key " : "wrong secret for key ") + id
                )
            }
            let end = isCurrent ? nil : known.key.retiring?.endsAt
            if let end, end <= now { throw Self.replaced(id, at: end) }
            try check(known.key, tenantIsAlive: known.tenantIsAlive, now: now)
            return Principal(key: known.key, secretEndsAt: end)
        }
    }

    /// Finds the API key that another proof stands for: the caller has verified a client certificate bound to it.
    ///
    /// - Parameter id: the key's id; nothing is looked up by what a client sent.
    public func authenticate(boundKey id: String, now: UnixTime) -> Result<Principal, Refusal> {
        Result { () throws(Refusal) in
            guard let known = directory.lookup(key: id) else {
                throw Refusal(.keyInvalid, "The client certificate stands for the API key \(id), which does not exist.")
            }
            try check(known.key, tenantIsAlive: known.tenantIsAlive, now: now)
            return Principal(key: known.key)
        }
    }

    /// Stands for the hash of a key that there is not.
    private static let nobody = [UInt8](repeating: 0, count: 32)

    private func check(_ key: APIKey, tenantIsAlive: Bool, now: UnixTime) throws(Refusal) {
        if let moment = key.revokedAt {
            throw Refusal(.keyRevoked, "The API key \(key.id) was revoked at \(moment).")
        }
        if let moment = key.expiresAt, moment <= now { throw Self.expired(key: key.id, at: moment) }
        guard tenantIsAlive else { throw Self.disabled(key.tenant) }
    }

    // MARK: - Afterwards

    /// Why a principal that was proved before counts no more; nil when it still does.
    public func recheck(_ principal: Principal, now: UnixTime) -> Refusal? {
        if let refusal = recheckTime(principal, now: now) { return refusal }
        if let id = principal.tokenID, directory.isRevoked(token: id) {
            return Refusal(.tokenRevoked, "The access token was revoked; get a new one from POST /oauth/token.")
        }
        guard let id = principal.keyID else {
            return directory.isAlive(principal.tenant) ? nil : Self.disabled(principal.tenant)
        }
        guard let known = directory.lookup(key: id) else {
            return Refusal(.keyInvalid, "The API key \(id) does not exist any more.")
        }
        do throws(Refusal) {
            try check(known.key, tenantIsAlive: known.tenantIsAlive, now: now)
            return nil
        } catch {
            return error
        }
    }

    /// The part of ``recheck(_:now:)`` that time alone can change: two comparisons.
    func recheckTime(_ principal: Principal, now: UnixTime) -> Refusal? {
        if let end = principal.validUntil, now >= end { return ended(principal, now: now) }
        if let start = principal.notBefore, now + leewaySeconds < start {
            let seconds = start.seconds - now.seconds
            return Refusal(.tokenNotYetValid, "The access token is not valid before \(seconds) s from now.")
        }
        return nil
    }

    private func ended(_ principal: Principal, now: UnixTime) -> Refusal {
        guard principal.issuer != nil, let end = principal.expiresAt, now >= end + leewaySeconds else {
            return Self.expired(key: principal.clientID, at: principal.validUntil ?? now)
        }
        let seconds = now.seconds - end.seconds
        let source = principal.keyID == nil ? "its issuer" : "POST /oauth/token"
        return Refusal(.tokenExpired, "The access token expired \(seconds) s ago; get a new one from \(source).")
    }

    private static func expired(key id: String, at moment: UnixTime) -> Refusal {
        Refusal(.keyExpired, "The API key \(id) expired at \(moment); ask for a new one.")
    }

    private static func replaced(_ id: String, at moment: UnixTime) -> Refusal {
        Refusal(.keyExpired, "This secret of the API key \(id) was replaced and ended at \(moment); use the new one.")
    }

    private static func disabled(_ tenant: TenantID) -> Refusal {
        Refusal(.tenantDisabled, "The tenant \(tenant) is suspended or does not exist.")
    }
}
