// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Synchronization

/// The accounts of the keys that have limits of their own and were used: no other key has one.
///
/// It does not know which keys there are: each call brings the limits that the key has now.
public final class KeyAccounts: Sendable {
    private let accounts = Mutex<[String: KeyAccount]>([:])
    private let forgotten = Atomic<UInt64>(0)

    init() {}

    /// Grows when an account is forgotten: whoever keeps accounts lets go of them then.
    public var generation: UInt64 { forgotten.load(ordering: .acquiring) }

    /// How many keys have an account.
    public var count: Int { accounts.withLock { $0.count } }

    /// The account of that key, under those limits from its next decision on. It stays the same object until the key is
    /// forgotten, and what was used stays used.
    public func account(ofKey id: String, limits: KeyLimits) -> KeyAccount {
        accounts.withLock { accounts in
            if let known = accounts[id] {
                if known.limits != limits { known.assign(limits) }
                return known
            }
            let account = KeyAccount(limits)
            accounts[id] = account
            return account
        }
    }

    /// Drops the accounts of keys that were revoked or deleted, or have no limits any more.
    public func forget(_ ids: [String]) {
        accounts.withLock { accounts in
            let before = accounts.count
            for id in ids { accounts[id] = nil }
            if accounts.count < before { forgotten.wrappingAdd(1, ordering: .acquiringAndReleasing) }
        }
    }

    /// Drops the accounts in which nothing is used any more, so that a new one would say the same.
    ///
    /// - Parameter moment: a time that nothing will be charged before. No one else may hold an account.
    public func dropUnused(since moment: UnixTime) {
        accounts.withLock { accounts in
            accounts = accounts.filter { id, account in
                let state = account.account.snapshot(of: .key(id))
                return state.theoreticalArrivalNanoseconds > moment.nanoseconds
                    || state.quotaDay >= moment.nanoseconds / QuotaCell.nanosecondsPerDay
            }
        }
    }

    /// Charges `requests` of the key at the moment `at`, as ``LimitTable/replay(tenant:requests:at:)`` does a tenant's.
    public func replay(key id: String, limits: KeyLimits, requests: Int64, at: UnixTime) {
        account(ofKey: id, limits: limits).account.replay(requests, at: at.nanoseconds)
    }

    func restore(_ snapshot: AccountSnapshot, ofKey id: String, _ limits: KeyLimits) {
        account(ofKey: id, limits: limits).account.restore(snapshot)
    }

    /// In the order of the keys' ids.
    func snapshot() -> [AccountSnapshot] {
        let all = accounts.withLock { $0.map { ($0.key, $0.value.account.snapshot(of: .key($0.key))) } }
        return all.sorted { $0.0 < $1.0 }.map(\.1)
    }
}
