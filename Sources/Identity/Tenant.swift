// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// A customer of the gateway: what its keys, limits, metrics and audit records hang on.
public struct Tenant: Hashable, Sendable {
    /// Its name in URLs, tokens, metrics and records.
    public var id: TenantID
    /// For people; at most 200 characters.
    public var displayName: String
    /// The plan that sets its limits.
    public var plan: PlanName
    /// Whether all its credentials are refused.
    public var isDisabled: Bool
    /// When it was made.
    public var createdAt: UnixTime
    /// Counts the changes to this tenant, from 1.
    public var revision: Int64

    /// A tenant; by default alive and in its first revision.
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
