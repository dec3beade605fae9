// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// What must outlive the process of one tenant's limits: requests under way do not.
public struct AccountSnapshot: Hashable, Sendable {
    /// Whose limits.
    public var tenant: TenantID
    /// The theoretical arrival time of the rate limit, in nanoseconds since 1970-01-01T00:00:00Z.
    public var theoreticalArrivalNanoseconds: Int64
    /// The UTC day that is counted, in days since 1970-01-01.
    public var quotaDay: Int64
    /// Requests counted against that day.
    public var quotaUsed: Int64

    /// Nothing is checked here: ``LimitTable/restore(_:)`` brings impossible numbers into range.
    public init(tenant: TenantID, theoreticalArrivalNanoseconds: Int64, quotaDay: Int64, quotaUsed: Int64) {
        self.tenant = tenant
        self.theoreticalArrivalNanoseconds = theoreticalArrivalNanoseconds
        self.quotaDay = quotaDay
        self.quotaUsed = quotaUsed
    }
}
