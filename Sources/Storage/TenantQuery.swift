// SPDX-License-Identifier: Apache-2.0

import GRDB
public import GatewayCore
public import Identity

/// Which tenants a list shows.
public struct TenantQuery: Hashable, Sendable {
    /// In the id or the display name, whatever the case (ASCII).
    public var name: String?
    /// In this state; nil for all.
    public var state: Tenant.State?
    /// On this plan; nil for all.
    public var plan: PlanName?
    /// Only this one.
    public var only: TenantID?
    /// Behind this id.
    public var after: String?
    /// Tenants at most.
    public var limit: Int

    /// All tenants, the first `limit` of them.
    public init(limit: Int) { self.limit = limit }
}

extension Store {
    /// The tenants that fit, by id: a page is the same however many are added before it.
    public func tenants(_ query: TenantQuery) throws(StorageError) -> [Tenant] {
        var sql = "SELECT * FROM tenants WHERE true"
        var arguments: [(any DatabaseValueConvertible)?] = []
        if let after = query.after {
            sql += " AND id > ?"
            arguments.append(after)
        }
        if let only = query.only {
            sql += " AND id = ?"
            arguments.append(only.description)
        }
        if let name = query.name {
            sql += " AND (instr(id, lower(?)) OR instr(lower(display_name), lower(?)))"
            arguments += [name, name]
        }
        switch query.state {
        case nil: break
        case .active: sql += " AND is_disabled = 0 AND deletes_at IS NULL"
        case .suspended: sql += " AND is_disabled = 1 AND deletes_at IS NULL"
        case .deleting: sql += " AND deletes_at IS NOT NULL"
        }
        if let plan = query.plan {
            sql += " AND plan = ?"
            arguments.append(plan.description)
        }
        sql += " ORDER BY id LIMIT ?"
        arguments.append(query.limit)
        let statement = (sql: sql, arguments: StatementArguments(arguments))
        return try read { db in
            try Row.fetchAll(db, sql: statement.sql, arguments: statement.arguments).map(Tenant.init(row:))
        }
    }

    /// The tenants on a plan, by id.
    public func tenants(on plan: PlanName) throws(StorageError) -> [Tenant] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: "SELECT * FROM tenants WHERE plan = ? ORDER BY id",
                arguments: [plan.description]
            ).map(Tenant.init(row:))
        }
    }

    /// The deleted tenants whose grace has ended at that moment.
    public func tenantsToPurge(at moment: UnixTime) throws(StorageError) -> [Tenant] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: "SELECT * FROM tenants WHERE deletes_at <= ? ORDER BY deletes_at LIMIT 100",
                arguments: [moment.nanoseconds]
            ).map(Tenant.init(row:))
        }
    }

    /// Removes a tenant for good, with its keys and what it used of its limits.
    ///
    /// Throws ``StorageError/notFound(_:)`` when there is no such tenant whose grace has ended at that moment: it may
    /// have been restored.
    /// - Returns: the ids of its keys.
    public func purge(tenant id: TenantID, at moment: UnixTime) throws(StorageError) -> [String] {
        try write { db in
            guard let tenant = try Tenant.fetch(db, id), let end = tenant.deletesAt, end <= moment else {
                throw StorageError.notFound("deleted tenant \(id)")
            }
            let name = id.description
            let keys = try String.fetchAll(db, sql: "SELECT id FROM api_keys WHERE tenant = ?", arguments: [name])
            try db.execute(
                sql: "DELETE FROM limit_key_accounts WHERE key IN (SELECT id FROM api_keys WHERE tenant = ?)",
                arguments: [name]
            )
            try db.execute(sql: "DELETE FROM api_keys WHERE tenant = ?", arguments: [name])
            try db.execute(sql: "DELETE FROM limit_accounts WHERE tenant = ?", arguments: [name])
            try db.execute(sql: "DELETE FROM tenants WHERE id = ?", arguments: [name])
            return keys
        }
    }
}
