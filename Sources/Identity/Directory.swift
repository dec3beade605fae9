// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Synchronization

/// A token that is no longer accepted, kept until it would have expired anyway.
public struct RevokedToken: Hashable, Sendable {
    /// `jti` of the token.
    public var id: String
    /// `exp` of the token.
    public var expiresAt: UnixTime

    /// A token to refuse until it expires.
    public init(id: String, expiresAt: UnixTime) {
        self.id = id
        self.expiresAt = expiresAt
    }
}

/// Every tenant, API key and revoked token, in memory.
///
/// It is loaded from the store at start and told of a change only after the store has it. Whoever caches what it
/// derived from here reads ``generation`` *before* deriving, and derives again once the generation has moved.
public final class Directory: Sendable {
    private struct State {
        var tenants: [TenantID: Stamped<Tenant>] = [:]
        var keys: [String: Stamped<APIKey>] = [:]
        var revoked: [String: UnixTime] = [:]
        /// When tokens of an issuer last had to be verified anew.
        var issuers: [String: UInt64] = [:]
    }

    /// A value and the generation of its last change.
    private struct Stamped<Value> {
        var value: Value
        var generation: UInt64
    }

    private let state: Mutex<State>
    private let counter = Atomic<UInt64>(1)

    /// A directory with what the store holds.
    public init(tenants: [Tenant], keys: [APIKey], revokedTokens: [RevokedToken]) {
        var state = State()
        for tenant in tenants { state.tenants[tenant.id] = Stamped(value: tenant, generation: 1) }
        for key in keys { state.keys[key.id] = Stamped(value: key, generation: 1) }
        for token in revokedTokens { state.revoked[token.id] = token.expiresAt }
        self.state = Mutex(state)
    }

    /// Grows with every change; a reader that sees a value also sees every change up to it.
    public var generation: UInt64 { counter.load(ordering: .acquiring) }

    // MARK: - Reading

    /// The tenant of that id, disabled ones too.
    public func tenant(_ id: TenantID) -> Tenant? { state.withLock { $0.tenants[id]?.value } }

    /// The key of that id, dead ones too.
    public func key(_ id: String) -> APIKey? { state.withLock { $0.keys[id]?.value } }

    /// All tenants by their names.
    public func tenants() -> [Tenant] {
        state.withLock { $0.tenants.values.map(\.value) }.sorted { $0.id.description < $1.id.description }
    }

    /// A tenant's keys, dead ones too, in the order they were made.
    public func keys(of tenant: TenantID) -> [APIKey] {
        state.withLock { state in state.keys.values.lazy.map(\.value).filter { $0.tenant == tenant } }
            .sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }
    }

    /// Whether the token with this `jti` was revoked.
    public func isRevoked(token id: String) -> Bool { state.withLock { $0.revoked[id] != nil } }

    /// Everything a decision about one key needs, read at one moment.
    func lookup(key id: String) -> (key: APIKey, tenantIsAlive: Bool)? {
        state.withLock { state in
            guard let key = state.keys[id]?.value else { return nil }
            return (key, Self.isAlive(key.tenant, in: state))
        }
    }

    /// Whether the tenant exists and is not disabled. The operators' own ``TenantID/system`` always is alive.
    func isAlive(_ tenant: TenantID) -> Bool { state.withLock { Self.isAlive(tenant, in: $0) } }

    /// The generation in which the principal's key, tenant or issuer last changed.
    func lastChange(of principal: Principal) -> UInt64 {
        state.withLock { state in
            let key = principal.keyID.flatMap { state.keys[$0]?.generation } ?? 0
            let issuer = principal.issuer.flatMap { state.issuers[$0] } ?? 0
            return max(key, issuer, state.tenants[principal.tenant]?.generation ?? 0)
        }
    }

    private static func isAlive(_ tenant: TenantID, in state: borrowing State) -> Bool {
        tenant == .system || state.tenants[tenant]?.value.isDisabled == false
    }

    // MARK: - Changing

    /// Adds the tenant, or replaces the one of that id.
    public func put(_ tenant: Tenant) {
        change { state, generation in state.tenants[tenant.id] = Stamped(value: tenant, generation: generation) }
    }

    /// Adds the key, or replaces the one of that id.
    public func put(_ key: APIKey) {
        change { state, generation in state.keys[key.id] = Stamped(value: key, generation: generation) }
    }

    /// Refuses the token from now on.
    ///
    /// - Parameter until: when the token expires; it is remembered at least that long.
    public func revoke(token id: String, until: UnixTime) {
        change { state, _ in state.revoked[id] = max(until, state.revoked[id] ?? until) }
    }

    /// What was derived from tokens of the issuer must be derived again: it lost a key, or is trusted in another way.
    func changed(issuer: String) {
        change { state, generation in state.issuers[issuer] = generation }
    }

    /// Forgets revoked tokens that expired before the moment and are refused for that alone.
    ///
    /// - Parameter moment: the present time less the verifiers' leeway, at the latest.
    public func forgetRevokedTokens(expiredBefore moment: UnixTime) {
        state.withLock { state in state.revoked = state.revoked.filter { $0.value >= moment } }
    }

    private func change(_ body: (inout State, UInt64) -> Void) {
        state.withLock { state in
            let next = counter.load(ordering: .relaxed) + 1
            body(&state, next)
            // Inside the lock and after the change: a reader of the new number waits for the lock and finds it done.
            counter.store(next, ordering: .releasing)
        }
    }
}
