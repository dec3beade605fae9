// SPDX-License-Identifier: Apache-2.0

/// The limits of one API key, within its tenant's: a request must pass both, so a key can have less than its tenant, never
/// more.
public struct KeyLimits: Hashable, Sendable {
    /// Steady rate and burst; nil for none of its own.
    public var rate: RequestRate?
    /// Requests per UTC day; nil for none of its own.
    public var dailyQuota: Int64?
    /// Requests under way at once; nil for none of its own.
    public var concurrency: Int32?

    /// Limits; by default none.
    public init(rate: RequestRate? = nil, dailyQuota: Int64? = nil, concurrency: Int32? = nil) {
        self.rate = rate
        self.dailyQuota = dailyQuota
        self.concurrency = concurrency
    }

    /// Whether the tenant's limits alone hold.
    public var isEmpty: Bool { self == KeyLimits() }
}

extension KeyLimits {
    /// Requests per day that a limit may allow.
    public static let dailyQuotas: ClosedRange<Int64> = 1...1_000_000_000_000
    /// Requests under way that a limit may allow.
    public static let concurrencies: ClosedRange<Int64> = 1...1_000_000

    /// `rate`, `daily_quota` and `concurrency`, null for none.
    public var json: [JSON.Member] {
        [
            JSON.Member("rate", rate?.json ?? .null), JSON.Member("daily_quota", dailyQuota.map(JSON.integer) ?? .null),
            JSON.Member("concurrency", concurrency.map { .integer(Int64($0)) } ?? .null),
        ]
    }

    /// Reads what ``json`` gives; a member that is absent is none. nil where a member is wrong or unknown.
    public init?(json: JSON) {
        guard let members = json.members else { return nil }
        self.init()
        for member in members where member.value != .null {
            switch member.name {
            case "rate":
                guard let rate = RequestRate(json: member.value) else { return nil }
                self.rate = rate
            case "daily_quota":
                guard let quota = member.value.integer, Self.dailyQuotas.contains(quota) else { return nil }
                dailyQuota = quota
            case "concurrency":
                guard let count = member.value.integer, Self.concurrencies.contains(count) else { return nil }
                concurrency = Int32(count)
            default: return nil
            }
        }
    }
}
