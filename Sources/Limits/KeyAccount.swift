// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Synchronization

/// The limit of one API key, within its tenant's: a rate, shared by all threads.
public final class KeyAccount: Sendable {
    fileprivate let account: TenantAccount

    init(_ rate: RequestRate) { account = TenantAccount(Self.plan(rate)) }

    /// The rate that decisions are made by now.
    public var rate: RequestRate? { account.plan.rate }

    fileprivate func assign(_ rate: RequestRate) { account.assign(Self.plan(rate)) }

    /// A key has no plan of its own; to an account its rate looks like one.
    private static func plan(_ rate: RequestRate) -> Plan {
        guard let name = PlanName("key") else { preconditionFailure("'key' is a name") }
        return Plan(name: name, rate: rate, dailyQuota: nil, concurrency: nil, models: .all)
    }
}

/// The limits of all keys that have one of their own.
public final class KeyAccounts: Sendable {
    private let accounts = Mutex<[String: KeyAccount]>([:])

    /// A table without keys.
    public init() {}

    /// The account of that key, at that rate from its next decision on. It stays the same object for good, and what was
    /// used stays used.
    public func account(ofKey id: String, rate: RequestRate) -> KeyAccount {
        accounts.withLock { accounts in
            if let known = accounts[id] {
                known.assign(rate)
                return known
            }
            let account = KeyAccount(rate)
            accounts[id] = account
            return account
        }
    }
}

extension TenantAccount {
    /// Admits a request and takes what it costs of the key's limit and of the tenant's, or of neither.
    ///
    /// The key's comes first: while it is undecided, a place is held of that key's limit alone and of no one else's.
    ///
    /// - Parameter key: nil when the key has no limit of its own.
    public func admit(now: UnixTime, key: KeyAccount?) -> AdmissionOutcome {
        guard let key else { return admit(now: now) }
        switch key.account.admit(now: now) {
        case .refused(let limit):
            var state = state(now: now)
            state.key = limit.state.rate.map(PolicyState.init(ofKey:))
            return .refused(
                LimitRefusal(violated: .key, retryAfterSeconds: limit.retryAfterSeconds, state: state)
            )
        case .admitted(let part):
            switch admit(now: now) {
            case .refused(var limit):
                part.refund(now: now)
                limit.state.key = key.account.state(now: now).rate.map(PolicyState.init(ofKey:))
                return .refused(limit)
            case .admitted(var admission):
                admission.key = part.tenant
                admission.state.key = part.state.rate.map(PolicyState.init(ofKey:))
                return .admitted(admission)
            }
        }
    }
}
