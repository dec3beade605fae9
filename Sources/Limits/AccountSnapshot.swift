// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// What must outlive the process of the limits of one tenant or key: requests under way do not.
public struct AccountSnapshot: Hashable, Sendable {
    /// Whose limits.
    public enum Holder: Hashable, Sendable {
        case tenant(TenantID)
        /// The key's id.
        case key(String)
    }

    /// Whose limits.
    public var holder: Holder
    /// The theoretical arrival time of the rate limit, in nanoseconds since 1970-01-01T00:00:00Z.
    public var theoreticalArrivalNanoseconds: Int64
    /// The UTC day that is counted, in days since 1970-01-01.
    public var quotaDay: Int64
    /// Requests counted against that day.
    public var quotaUsed: Int64

    /// Nothing is checked here: ``LimitTable/restore(_:keyLimits:)`` brings impossible numbers into range.
    public init(_ holder: Holder, theoreticalArrivalNanoseconds: Int64, quotaDay: Int64, quotaUsed: Int64) {
        self.holder = holder
        self.theoreticalArrivalNanoseconds = theoreticalArrivalNanoseconds
        self.quotaDay = quotaDay
        self.quotaUsed = quotaUsed
    }
}
