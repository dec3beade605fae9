// SPDX-License-Identifier: Apache-2.0

/// What the holder of a key is to the gateway.
public enum Role: String, CaseIterable, Sendable {
    /// Asks models for predictions.
    case tenant
    /// Administers one tenant, its own.
    case tenantAdmin = "tenant-admin"
    /// Administers tenants, plans and keys; does not read the audit log.
    case admin
    /// Looks after models and limits.
    case `operator`
    /// Reads the audit log and what it speaks of; changes nothing.
    case auditor
    /// Scrapes the metrics.
    case metrics

    /// The table of privileges: all that a key of this role can ever be allowed.
    public var scopes: ScopeSet {
        switch self {
        case .tenant: [.predict, .modelsRead]
        case .tenantAdmin: [.tenantsRead, .plansRead, .keysRead, .keysWrite, .auditRead]
        case .admin: [.admin, .modelsRead, .management]
        case .operator:
            [.modelsRead, .modelsList, .modelsWrite, .tenantsRead, .plansRead, .plansWrite, .keysRead, .limitsWrite]
        case .auditor:
            [.auditRead, .logRead, .retentionRead, .modelsRead, .modelsList, .tenantsRead, .plansRead, .keysRead]
        case .metrics: [.metricsRead]
        }
    }

    /// Whether its keys belong to a tenant and reach nothing beyond it; all others are the operators' own.
    public var isBoundToTenant: Bool { self == .tenant || self == .tenantAdmin }
}
