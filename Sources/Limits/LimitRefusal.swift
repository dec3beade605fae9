// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// Why the limits of a tenant or of its key refuse a request, and when it is worth asking again.
public struct LimitRefusal: Hashable, Sendable {
    /// The limits that stood in the way.
    struct Violated: OptionSet, Hashable {
        let rawValue: UInt8

        static let rate = Violated(rawValue: 1 << 0)
        static let quota = Violated(rawValue: 1 << 1)
        static let concurrency = Violated(rawValue: 1 << 2)
    }

    let violated: Violated
    /// Seconds, rounded up, at least 1: before this has passed no limit in the way can allow the request. A request
    /// under way may end at any time, so concurrency alone gives 1.
    public let retryAfterSeconds: Int
    /// Where the tenant stands.
    public internal(set) var state: LimitState

    /// Whether the key's own limits stand in the way, and not its tenant's.
    public internal(set) var isOfKey = false

    /// The limit that lasts longest of those in the way: `.quotaExceeded`, `.rateExceeded` or `.concurrencyExceeded`.
    public var code: ReasonCode {
        if violated.contains(.quota) { return .quotaExceeded }
        return violated.contains(.rate) ? .rateExceeded : .concurrencyExceeded
    }

    /// Names of all policies in the way: `burst`, `daily`, `concurrency`, of a key `key`, `key-daily`, `key-concurrency`.
    public var violatedPolicies: [String] {
        var names: [String] = []
        if violated.contains(.rate) { names.append(isOfKey ? "key" : "burst") }
        if violated.contains(.quota) { names.append(isOfKey ? "key-daily" : "daily") }
        if violated.contains(.concurrency) { names.append(isOfKey ? "key-concurrency" : "concurrency") }
        return names
    }
}
