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
    /// Whether it is suspended: all its credentials are refused.
    public var isDisabled: Bool
    /// When a deleted tenant is gone for good; until then it can be restored. nil while it is not deleted.
    public var deletesAt: UnixTime?
    /// When it was made.
    public var createdAt: UnixTime
    /// Counts the changes to this tenant, from 1.
    public var revision: Int64
    /// Days for which its audit records are kept, 0 for ever; nil while the gateway's own policy holds.
    public var auditRetentionDays: Int64?
    /// What holds in place of its plan's limits; nil when the plan holds as it is.
    public var overrides: LimitOverrides? {
        get { boxed?.value }
        set { boxed = newValue.flatMap { $0.isEmpty ? nil : Box($0) } }
    }

    // Few tenants have any: the others shall not carry their room.
    private var boxed: Box<LimitOverrides>?

    /// Where a tenant is in its life.
    public enum State: String, CaseIterable, Sendable {
        case active, suspended, deleting
    }

    /// All but ``State/active`` mean that its credentials are refused.
    public var state: State { deletesAt != nil ? .deleting : isDisabled ? .suspended : .active }

    /// A tenant; by default alive and in its first revision.
    public init(
        id: TenantID,
        displayName: String,
        plan: PlanName,
        isDisabled: Bool = false,
        deletesAt: UnixTime? = nil,
        createdAt: UnixTime,
        revision: Int64 = 1,
        overrides: LimitOverrides? = nil
    ) {
        self.id = id
        self.displayName = displayName
        self.plan = plan
        self.isDisabled = isDisabled
        self.deletesAt = deletesAt
        self.createdAt = createdAt
        self.revision = revision
        self.overrides = overrides
    }
}
