// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Synchronization

/// The limits of all tenants, and of the keys within them.
///
/// A second table that only replays audit records, in the log's order, is the state that a snapshot and the log behind
/// it would give: the one to store, since it covers whole records and none under way.
public final class LimitTable: Sendable {
    private struct State {
        var accounts: [TenantID: TenantAccount] = [:]
        /// Restored states of tenants that no plan was assigned to yet.
        var waiting: [TenantID: AccountSnapshot] = [:]
    }

    private let state = Mutex(State())
    /// Of the keys with limits of their own.
    public let keys = KeyAccounts()

    /// A table without tenants.
    public init() {}

    /// Puts a tenant on a plan, from its next decision on. What it has used stays used.
    public func assign(_ plan: Plan, to tenant: TenantID) {
        state.withLock { state in
            if let account = state.accounts[tenant] { return account.assign(plan) }
            let account = TenantAccount(plan)
            if let snapshot = state.waiting.removeValue(forKey: tenant) { account.restore(snapshot) }
            state.accounts[tenant] = account
        }
    }

    /// The account of a tenant that has a plan; it stays the same object for good, so a caller may keep it.
    public func account(for tenant: TenantID) -> TenantAccount? {
        state.withLock { $0.accounts[tenant] }
    }

    /// What is used now, in the order of the tenants' names, then of the keys' ids. Each account's words are read one after the other: with
    /// decisions under way, a snapshot may hold part of one.
    public func snapshot() -> [AccountSnapshot] {
        let all = state.withLock { state in
            state.accounts.map { ($0.key, $0.value.snapshot(of: .tenant($0.key))) } + state.waiting.map { ($0, $1) }
        }
        return all.sorted { $0.0.description < $1.0.description }.map(\.1) + keys.snapshot()
    }

    /// Sets what is used, at start, before any decision. A tenant without a plan gets its state once it is assigned one.
    ///
    /// - Parameter keyLimits: a key's limits; where it has none, or is none, its state is of no use.
    public func restore(_ snapshots: [AccountSnapshot], keyLimits: (String) -> KeyLimits? = { _ in nil }) {
        state.withLock { state in
            for snapshot in snapshots {
                switch snapshot.holder {
                case .tenant(let tenant):
                    if let account = state.accounts[tenant] {
                        account.restore(snapshot)
                    } else {
                        state.waiting[tenant] = snapshot
                    }
                case .key(let id):
                    if let limits = keyLimits(id) { keys.restore(snapshot, ofKey: id, limits) }
                }
            }
        }
    }

    /// Charges `requests` that were admitted and not refunded at the moment `at`, by the tenant's present plan.
    ///
    /// With the times that ``TenantAccount/admit(now:)`` was given, in their order, the state becomes exactly what it
    /// was; a record out of order can only charge more. A record whose time was rounded down must be replayed at a time
    /// rounded up. Tenants without a plan are not charged.
    public func replay(tenant: TenantID, requests: Int64, at: UnixTime) {
        account(for: tenant)?.replay(requests, at: at.nanoseconds)
    }
}
