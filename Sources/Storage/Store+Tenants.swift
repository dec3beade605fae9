// SPDX-License-Identifier: Apache-2.0

import GRDB
public import GatewayCore
public import Identity
import Limits

extension Store {
    /// All tenants, by name.
    public func tenants() throws(StorageError) -> [Tenant] {
        try read { db in try Row.fetchAll(db, sql: "SELECT * FROM tenants ORDER BY id").map(Tenant.init(row:)) }
    }

    /// The tenant of that name; nil when there is none.
    public func tenant(_ id: TenantID) throws(StorageError) -> Tenant? {
        try read { db in try Tenant.fetch(db, id) }
    }

    /// Creates a tenant.
    ///
    /// Throws ``StorageError/exists(_:)`` when the name is taken (`system` always is) and
    /// ``StorageError/notFound(_:)`` when there is no such plan.
    ///
    /// - Parameter answer: kept with the tenant, in one transaction.
    public func insert(_ tenant: Tenant, answer: IdempotentAnswer? = nil, rehearses: Bool = false) throws(StorageError)
    {
        try write(rehearses: rehearses) { db in
            guard tenant.id != .system, try Tenant.fetch(db, tenant.id) == nil else {
                throw StorageError.exists("tenant \(tenant.id)")
            }
            try Self.requirePlan(db, tenant.plan)
            try db.execute(
                sql: """
                    INSERT INTO tenants (id, display_name, plan, is_disabled, created_at, revision, deletes_at, limits,
                    audit_retention_days) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    tenant.id.description, tenant.displayName, tenant.plan.description, tenant.isDisabled,
                    tenant.createdAt.nanoseconds, tenant.revision, tenant.deletesAt?.nanoseconds,
                    tenant.overrides?.json.serialized(), tenant.auditRetentionDays,
                ]
            )
            try answer?.insert(db)
        }
    }

    /// Changes name, plan, state and limits of a tenant, and gives it as stored: one revision on, created when it was.
    ///
    /// Throws ``StorageError/notFound(_:)`` when there is no such tenant or plan, and
    /// ``StorageError/revisionConflict(what:current:)`` when the tenant is not at `expectedRevision`; nil stands for
    /// any.
    public func update(_ tenant: Tenant, expectedRevision: Int64?, rehearses: Bool = false) throws(StorageError)
        -> Tenant
    {
        try write(rehearses: rehearses) { db in
            guard let current = try Tenant.fetch(db, tenant.id) else {
                throw StorageError.notFound("tenant \(tenant.id)")
            }
            if let expectedRevision, expectedRevision != current.revision {
                throw StorageError.revisionConflict(what: "tenant \(tenant.id)", current: current.revision)
            }
            try Self.requirePlan(db, tenant.plan)
            var next = tenant
            next.createdAt = current.createdAt
            next.revision = current.revision + 1
            try db.execute(
                sql: """
                    UPDATE tenants SET display_name = ?, plan = ?, is_disabled = ?, revision = ?, deletes_at = ?,
                    limits = ?, audit_retention_days = ? WHERE id = ?
                    """,
                arguments: [
                    next.displayName, next.plan.description, next.isDisabled, next.revision,
                    next.deletesAt?.nanoseconds, next.overrides?.json.serialized(), next.auditRetentionDays,
                    next.id.description,
                ]
            )
            return next
        }
    }

    private static func requirePlan(_ db: Database, _ name: PlanName) throws {
        guard try Plan.fetch(db, name) != nil else { throw StorageError.notFound("plan \(name)") }
    }
}

extension Tenant {
    static func fetch(_ db: Database, _ id: TenantID) throws -> Tenant? {
        try Row.fetchOne(db, sql: "SELECT * FROM tenants WHERE id = ?", arguments: [id.description])
            .map(Tenant.init(row:))
    }

    init(row: Row) throws {
        self.init(
            id: try row.decoded(TenantID(try row.text("id")), "id"),
            displayName: try row.text("display_name"),
            plan: try row.decoded(PlanName(try row.text("plan")), "plan"),
            isDisabled: try row.integer("is_disabled") != 0,
            createdAt: try row.time("created_at"),
            revision: try row.integer("revision")
        )
        deletesAt = row.optionalTime("deletes_at")
        auditRetentionDays = row["audit_retention_days"]
        if let text = row["limits"] as String? {
            overrides = try row.decoded(try? LimitOverrides(json: JSON.parse(text)), "limits")
        }
    }
}
