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
        /// Of the keys that were used; kept for good, so that whoever has one need not hold it.
        var uses: [String: KeyUse] = [:]
        /// When tokens of an issuer last had to be verified anew.
        var issuers: [String: UInt64] = [:]
    }

    /// A value and the generation of its last change.
    private struct Stamped<Value> {
        var value: Value
        var generation: UInt64
    }

    private let state: Mutex<State>
    private let counter: Atomic<UInt64>
    private let used = UsedKeys()
    /// Keys that have limits of their own and were not revoked.
    private let limited: Atomic<Int>

    /// A directory with what the store holds.
    ///
    /// - Parameter generation: the first one, above all that an earlier process has told of.
    public init(tenants: [Tenant], keys: [APIKey], revokedTokens: [RevokedToken], generation: UInt64 = 1) {
        var state = State()
        state.tenants.reserveCapacity(tenants.count)
        state.keys.reserveCapacity(keys.count)
        for tenant in tenants { state.tenants[tenant.id] = Stamped(value: tenant, generation: generation) }
        var limited = 0
        for key in keys {
            state.keys[key.id] = Stamped(value: key, generation: generation)
            if key.limitsInForce != nil { limited += 1 }
        }
        self.limited = Atomic(limited)
        for token in revokedTokens { state.revoked[token.id] = token.expiresAt }
        self.state = Mutex(state)
        counter = Atomic(generation)
    }

    /// Grows with every change; a reader that sees a value also sees every change up to it.
    public var generation: UInt64 { counter.load(ordering: .acquiring) }

    // MARK: - Reading

    /// The tenant of that id, disabled ones too.
    public func tenant(_ id: TenantID) -> Tenant? { state.withLock { $0.tenants[id]?.value } }

    /// The key of that id, dead ones too.
    public func key(_ id: String) -> APIKey? { state.withLock { $0.keys[id]?.value } }

    /// The limits of the key's own; nil for none, and for a key that there is not or that was revoked.
    ///
    /// Made for whoever asks at each record: where no key has any, it is one read.
    public func limits(ofKey id: String) -> KeyLimits? {
        guard limited.load(ordering: .acquiring) > 0 else { return nil }
        return state.withLock { $0.keys[id]?.value.limitsInForce }
    }

    /// How many tenants and keys there are, dead ones too.
    public var counts: (tenants: Int, keys: Int) { state.withLock { ($0.tenants.count, $0.keys.count) } }

    /// Whether the token with this `jti` was revoked.
    public func isRevoked(token id: String) -> Bool { state.withLock { $0.revoked[id] != nil } }

    /// Everything a decision about one key needs, read at one moment.
    func lookup(key id: String) -> (key: APIKey, tenantIsAlive: Bool)? {
        state.withLock { state in
            let key = state.keys[id]?.value
            // Looked up for a key that there is not, too: the time of the answer does not tell which it was.
            let tenantIsAlive = Self.isAlive(key?.tenant ?? Self.nobody, in: state)
            return key.map { ($0, tenantIsAlive) }
        }
    }

    /// Whether the tenant exists and is neither suspended nor deleted. The operators' own ``TenantID/system`` always is.
    func isAlive(_ tenant: TenantID) -> Bool { state.withLock { Self.isAlive(tenant, in: $0) } }

    /// The generation in which the principal's key, tenant or issuer last changed.
    func lastChange(of principal: Principal) -> UInt64 {
        state.withLock { state in
            let key = principal.keyID.flatMap { state.keys[$0]?.generation } ?? 0
            let issuer = principal.issuer.flatMap { state.issuers[$0] } ?? 0
            return max(key, issuer, state.tenants[principal.tenant]?.generation ?? 0)
        }
    }

    private static let nobody: TenantID = {
        guard let id = TenantID("nobody") else { preconditionFailure("\"nobody\" is a tenant's name") }
        return id
    }()

    private static func isAlive(_ tenant: TenantID, in state: borrowing State) -> Bool {
        tenant == .system || state.tenants[tenant]?.value.state == .active
    }

    // MARK: - Changing

    /// Adds the tenant, or replaces the one of that id.
    ///
    /// - Returns: the generation from which it holds, as of every change here.
    @discardableResult
    public func put(_ tenant: Tenant) -> UInt64 {
        change { state, generation in state.tenants[tenant.id] = Stamped(value: tenant, generation: generation) }
    }

    /// Adds the key, or replaces the one of that id.
    @discardableResult
    public func put(_ key: APIKey) -> UInt64 {
        change { state, generation in
            let before = state.keys.updateValue(Stamped(value: key, generation: generation), forKey: key.id)
            count(key, 1)
            if let before { count(before.value, -1) }
        }
    }

    /// Forgets a tenant and these keys of it.
    @discardableResult
    public func remove(_ tenant: TenantID, keys: [String]) -> UInt64 {
        change { state, _ in
            state.tenants[tenant] = nil
            for id in keys {
                if let gone = state.keys.removeValue(forKey: id) { count(gone.value, -1) }
            }
        }
    }

    /// Counts a key that came or went, as far as it has limits.
    private func count(_ key: APIKey, _ change: Int) {
        if key.limitsInForce != nil { limited.add(change, ordering: .acquiringAndReleasing) }
    }

    /// Refuses the token from now on.
    ///
    /// - Parameter until: when the token expires; it is remembered at least that long.
    @discardableResult
    public func revoke(token id: String, until: UnixTime) -> UInt64 {
        change { state, _ in state.revoked[id] = max(until, state.revoked[id] ?? until) }
    }

    /// What was derived from tokens of the issuer must be derived again: it lost a key, or is trusted in another way.
    @discardableResult
    func changed(issuer: String) -> UInt64 {
        change { state, generation in state.issuers[issuer] = generation }
    }

    /// Forgets revoked tokens that expired before the moment and are refused for that alone.
    ///
    /// - Parameter moment: the present time less the verifiers' leeway, at the latest.
    public func forgetRevokedTokens(expiredBefore moment: UnixTime) {
        state.withLock { state in state.revoked = state.revoked.filter { $0.value >= moment } }
    }

    private func change(_ body: (inout State, UInt64) -> Void) -> UInt64 {
        state.withLock { state in
            let next = counter.load(ordering: .relaxed) + 1
            body(&state, next)
            // Inside the lock and after the change: a reader of the new number waits for the lock and finds it done.
            counter.store(next, ordering: .releasing)
            return next
        }
    }
}

// MARK: - Use

extension Directory {
    /// When the key was last used in this process; nil for never.
    public func lastUse(ofKey id: String) -> UnixTime? { state.withLock { $0.uses[id]?.lastUsedAt } }

    /// The keys used since the last call, each with its last time, to be stored.
    public func takeUses() -> [(keyID: String, at: UnixTime)] {
        var uses: [(keyID: String, at: UnixTime)] = []
        used.drain { use in
            if let moment = use.lastUsedAt { uses.append((use.keyID, moment)) }
        }
        return uses
    }

    func use(ofKey id: String) -> KeyUse {
        state.withLock { state in
            if let known = state.uses[id] { return known }
            let use = KeyUse(keyID: id, queue: used)
            state.uses[id] = use
            return use
        }
    }
}
