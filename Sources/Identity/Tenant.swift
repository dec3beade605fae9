// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// A customer of the gateway: what its keys, limits, metrics and audit records hang on.
public struct Tenant: Hashable, Sendable {
    public var id: TenantID
    /// For people; at most 200 characters.
    public var displayName: String
    public var plan: PlanName
    public var isDisabled: Bool
    public var createdAt: UnixTime
    /// Counts the changes to this tenant, from 1.
    public var revision: Int64

    public init(
        id: TenantID,
        displayName: String,
        plan: PlanName,
        isDisabled: Bool = false,
        createdAt: UnixTime,
        revision: Int64 = 1
    ) {
        self.id = id
        self.displayName = displayName
        self.plan = plan
        self.isDisabled = isDisabled
        self.createdAt = createdAt
        self.revision = revision
    }
}
