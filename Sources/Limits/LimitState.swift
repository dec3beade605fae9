// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// One limit as it stands after a decision: what the fields of a `RateLimit` and a `RateLimit-Policy` item say
/// (draft-ietf-httpapi-ratelimit-headers-11, sections 3 and 4).
public struct PolicyState: Hashable, Sendable {
    enum Kind: UInt8 { case burst, daily, key, keyDaily }

    private(set) var kind: Kind
    /// Requests that the policy grants in each window (`q`).
    public let limit: Int64
    /// Length of the window in seconds (`w`).
    public let windowSeconds: Int64
    /// Requests that would pass now (`r`).
    public let remaining: Int64
    /// Seconds, rounded up, until all is there again or, when nothing remains, until the next request passes (`t`).
    public let resetSeconds: Int64

    /// `burst` for the rate, `daily` for the quota of the UTC day, `key` and `key-daily` for those of the key.
    public var name: String { label.description }

    /// ``name`` where no text is to be made of it.
    public var label: StaticString {
        switch kind {
        case .burst: "burst"
        case .daily: "daily"
        case .key: "key"
        case .keyDaily: "key-daily"
        }
    }
}

/// Where a tenant stands after a decision; a limit that its plan does not have is nil.
public struct LimitState: Hashable, Sendable {
    /// The rate with its burst.
    public internal(set) var rate: PolicyState?
    /// The quota of the UTC day.
    public internal(set) var quota: PolicyState?
    /// The rate of the key, within the tenant's.
    public private(set) var keyRate: PolicyState?
    /// The quota of the key, within the tenant's.
    public private(set) var keyQuota: PolicyState?

    /// The policy that is nearest to refusing: the one to show where only one can be shown.
    public var tightest: PolicyState? {
        var tightest: PolicyState?
        forEach { if $0.remaining < tightest?.remaining ?? .max { tightest = $0 } }
        return tightest
    }

    /// Hands over each policy, in the order in which they are shown.
    @inline(__always)
    public func forEach(_ body: (PolicyState) -> Void) {
        if let rate { body(rate) }
        if let quota { body(quota) }
        if let keyRate { body(keyRate) }
        if let keyQuota { body(keyQuota) }
    }

    /// Adds where the key's own limits stand.
    mutating func add(key state: LimitState) {
        keyRate = state.rate.map { PolicyState($0, as: .key) }
        keyQuota = state.quota.map { PolicyState($0, as: .keyDaily) }
    }
}

extension PolicyState {
    init(rate: Plan.Rate, terms: RateTerms, arrival: Int64, now: Int64) {
        kind = .burst
        // What remains is never more than `q`: a burst over the rate's window is shown as the longer window it fills.
        let isWide = rate.burst > rate.requests
        limit = isWide ? rate.burst : rate.requests
        windowSeconds = isWide ? max(1, secondsRoundedUp(terms.horizon)) : rate.seconds
        let ahead = max(arrival &- now, 0)
        remaining = ahead >= terms.horizon ? 0 : (terms.horizon - ahead) / terms.interval
        resetSeconds = secondsRoundedUp(remaining > 0 ? ahead : ahead - terms.tolerance)
    }

    /// The limit of a key, told apart from its tenant's.
    fileprivate init(_ policy: PolicyState, as kind: Kind) {
        self = policy
        self.kind = kind
    }

    init(quota: Int64, use: QuotaCell.Use, now: Int64) {
        kind = .daily
        limit = quota
        windowSeconds = 86_400
        remaining = max(quota - use.count, 0)
        resetSeconds = secondsRoundedUp(use.nanosecondsLeft(at: now))
    }
}

extension QuotaCell.Use {
    /// Until the day that is charged ends.
    func nanosecondsLeft(at now: Int64) -> Int64 { (day + 1) * QuotaCell.nanosecondsPerDay - now }
}

/// Whole seconds that `nanoseconds` >= 0 fit in.
func secondsRoundedUp(_ nanoseconds: Int64) -> Int64 {
    nanoseconds / 1_000_000_000 + (nanoseconds % 1_000_000_000 == 0 ? 0 : 1)
}
