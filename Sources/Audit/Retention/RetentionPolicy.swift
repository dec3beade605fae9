// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// How long records are kept, and which of them are under legal hold.
public struct RetentionPolicy: Hashable, Sendable {
    /// Days from a record's time for which it is kept; 0 for ever. Holds for all without a policy of their own.
    public var days: Int64
    /// Bytes of entry bundles over which the oldest go, however young; 0 for no bound.
    public var bytes: Int64
    /// Days of those tenants that have a policy of their own; 0 for ever.
    public var tenantDays: [String: Int64]
    /// Whether nothing at all may go.
    public var isHeld: Bool
    /// The tenants whose records may not go.
    public var heldTenants: Set<String>

    /// By default everything is kept for ever, and nothing is under hold.
    public init(
        days: Int64 = 0,
        bytes: Int64 = 0,
        tenantDays: [String: Int64] = [:],
        isHeld: Bool = false,
        heldTenants: Set<String> = []
    ) {
        self.days = days
        self.bytes = bytes
        self.tenantDays = tenantDays
        self.isHeld = isHeld
        self.heldTenants = heldTenants
    }

    /// Whether anything can ever go.
    public var prunes: Bool { days > 0 || bytes > 0 }

    /// Days for which a tenant's records are kept, and those without a tenant, nil; 0 for ever.
    public func days(of tenant: String?) -> Int64 { tenant.flatMap { tenantDays[$0] } ?? days }

    /// Whether records of that tenant are under hold.
    public func holds(_ tenant: String) -> Bool { isHeld || heldTenants.contains(tenant) }

    /// Whether a record of the bundle is under hold.
    public func holds(_ bundle: BundleSummary) -> Bool {
        isHeld || !heldTenants.isEmpty && !heldTenants.isDisjoint(with: bundle.concerned)
    }

    /// Whether every record of the bundle is older than its tenant's policy asks.
    public func isOver(_ bundle: BundleSummary, now: UnixTime) -> Bool {
        bundle.newest.allSatisfy { tenant, time in isOver(time, of: tenant.isEmpty ? nil : tenant, now: now) }
    }

    /// Whether a record of that time is older than its tenant's policy asks.
    public func isOver(_ time: UnixTime, of tenant: String?, now: UnixTime) -> Bool {
        let days = days(of: tenant)
        return days > 0 && time + days * 86_400 < now
    }
}
