// SPDX-License-Identifier: Apache-2.0

import GRDB
public import GatewayCore

/// That audit records may not be pruned, nor the keys of their personal fields destroyed, whatever their age.
public struct AuditHold: Hashable, Sendable {
    /// Names it in the management API.
    public var id: String
    /// Whose records; nil for all.
    public var tenant: TenantID?
    /// Why, in words: a case's number.
    public var reason: String
    /// When it was added.
    public var createdAt: UnixTime
    /// The id of the key that added it.
    public var createdBy: String

    /// A hold.
    public init(id: String, tenant: TenantID?, reason: String, createdAt: UnixTime, createdBy: String) {
        self.id = id
        self.tenant = tenant
        self.reason = reason
        self.createdAt = createdAt
        self.createdBy = createdBy
    }
}

extension Store {
    /// All holds, the oldest first.
    public func auditHolds() throws(StorageError) -> [AuditHold] {
        try read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM audit_holds ORDER BY created_at, id").map(AuditHold.init(row:))
        }
    }

    /// Adds a hold.
    ///
    /// - Parameter answer: kept with the hold, in one transaction.
    public func insert(_ hold: AuditHold, answer: IdempotentAnswer? = nil, rehearses: Bool = false) throws(StorageError)
    {
        try write(rehearses: rehearses) { db in
            try db.execute(
                sql: "INSERT INTO audit_holds VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    hold.id, hold.tenant?.description, hold.reason, hold.createdAt.nanoseconds, hold.createdBy,
                ]
            )
            try answer?.insert(db)
        }
    }

    /// Lifts a hold, and gives it as it was.
    ///
    /// Throws ``StorageError/notFound(_:)`` when there is none of that id.
    public func delete(hold id: String, rehearses: Bool = false) throws(StorageError) -> AuditHold {
        try write(rehearses: rehearses) { db in
            guard let row = try Row.fetchOne(db, sql: "SELECT * FROM audit_holds WHERE id = ?", arguments: [id]) else {
                throw StorageError.notFound("hold \(id)")
            }
            try db.execute(sql: "DELETE FROM audit_holds WHERE id = ?", arguments: [id])
            return try AuditHold(row: row)
        }
    }
}

extension AuditHold {
    fileprivate init(row: Row) throws {
        var tenant: TenantID?
        if let name = row["tenant"] as String? { tenant = try row.decoded(TenantID(name), "tenant") }
        self.init(
            id: try row.text("id"),
            tenant: tenant,
            reason: try row.text("reason"),
            createdAt: try row.time("created_at"),
            createdBy: try row.text("created_by")
        )
    }
}
