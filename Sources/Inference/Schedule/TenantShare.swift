// SPDX-License-Identifier: Apache-2.0

/// Whose work it is, and how much of the machine is theirs when several want more than there is.
public struct TenantShare: Hashable, Sendable {
    /// Names the tenant within this process.
    public let tenant: UInt32
    /// Relative to that of the others who wait, from 1 to 100.
    public let weight: Int32

    /// A weight beyond the range counts as its nearest end.
    public init(tenant: UInt32, weight: Int = 1) {
        self.tenant = tenant
        self.weight = Int32(min(max(weight, 1), 100))
    }

    /// The gateway's own work.
    public static let system = TenantShare(tenant: 0)
}
