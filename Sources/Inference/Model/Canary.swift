// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import Quality

/// A share of a model's traffic that goes to another version than the rest. Only requests that name no version and no
/// label are split.
public struct Canary: Hashable, Sendable {
    /// What the share is of.
    public enum Unit: String, Hashable, Sendable, CaseIterable {
        /// Tenants: each stays on its side while the canary lasts, and a growing share only adds some.
        case tenant
        /// Requests, by their ids: each tenant has the share of its own.
        case request
    }

    /// The version that is tried.
    public var version: Int64
    /// From 0 to 100.
    public var percent: Int
    /// What ``percent`` counts.
    public var unit: Unit
    /// Shares of single tenants in place of ``percent``: 100 is always, 0 never.
    public var tenants: [TenantID: Int]
    /// When it is promoted or rolled back by itself; nil for never.
    public var rule: CanaryRule?

    /// A canary for all tenants.
    public init(
        version: Int64,
        percent: Int,
        unit: Unit = .tenant,
        tenants: [TenantID: Int] = [:],
        rule: CanaryRule? = nil
    ) {
        self.version = version
        self.percent = percent
        self.unit = unit
        self.tenants = tenants
        self.rule = rule
    }

    /// Whether each request is decided anew.
    func isPerRequest(_ tenant: TenantID) -> Bool {
        let share = tenants[tenant] ?? percent
        return unit == .request && share > 0 && share < 100
    }

    /// Whether the canary answers; the same for the same tenant, or for the same request.
    func takes(_ tenant: TenantID, _ request: RequestID, of model: ModelName) -> Bool {
        let share = tenants[tenant] ?? percent
        if share <= 0 { return false }
        if share >= 100 { return true }
        let seed: UInt64
        switch unit {
        case .request: seed = request.high ^ request.low
        case .tenant:
            // FNV-1a, of the version too: it is not always the same tenants on whom things are tried.
            var hash: UInt64 = 0xcbf2_9ce4_8422_2325
            for byte in "\(model)/\(version)/\(tenant)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            seed = hash
        }
        return Self.mixed(seed) % 100 < UInt64(share)
    }

    /// The finaliser of SplitMix64: each bit of the seed moves every bit of the result.
    static func mixed(_ seed: UInt64) -> UInt64 {
        var x = seed &+ 0x9e37_79b9_7f4a_7c15
        x = (x ^ x >> 30) &* 0xbf58_476d_1ce4_e5b9
        x = (x ^ x >> 27) &* 0x94d0_49bb_1331_11eb
        return x ^ x >> 31
    }
}
