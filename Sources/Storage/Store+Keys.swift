// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
public import GatewayCore
public import Identity

extension Store {
    /// All keys, the oldest first.
    public func keys() throws(StorageError) -> [APIKey] {
        try read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM api_keys ORDER BY created_at, id").map(APIKey.init(row:))
        }
    }

    /// The keys of a tenant (or of `system`), the oldest first.
    public func keys(of tenant: TenantID) throws(StorageError) -> [APIKey] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: "SELECT * FROM api_keys WHERE tenant IS ? ORDER BY created_at, id",
                arguments: [tenant.column]
            ).map(APIKey.init(row:))
        }
    }

    /// The key of that id; nil when there is none.
    public func key(id: String) throws(StorageError) -> APIKey? {
        try read { db in try APIKey.fetch(db, id) }
    }

    /// Stores a new key.
    ///
    /// Throws ``StorageError/exists(_:)`` when the id is taken and ``StorageError/notFound(_:)`` when there is no such
    /// tenant.
    public func insert(_ key: APIKey) throws(StorageError) {
        try write { db in
            guard try APIKey.fetch(db, key.id) == nil else { throw StorageError.exists("key \(key.id)") }
            if key.tenant != .system, try Tenant.fetch(db, key.tenant) == nil {
                throw StorageError.notFound("tenant \(key.tenant)")
            }
            try db.execute(
                sql: "INSERT INTO api_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                arguments: [
                    key.id, key.tenant.column, key.role.rawValue, key.name, key.scopes.description, key.models.column,
                    Data(key.secretHash), key.createdAt.nanoseconds, key.createdBy, key.expiresAt?.nanoseconds,
                    key.revokedAt?.nanoseconds,
                ]
            )
        }
    }

    /// Revokes a key for good and gives it as stored. A key that is revoked already keeps its first moment.
    ///
    /// Throws ``StorageError/notFound(_:)`` when there is no such key.
    @discardableResult
    public func revoke(key id: String, at moment: UnixTime) throws(StorageError) -> APIKey {
        try write { db in
            try db.execute(
                sql: "UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
                arguments: [moment.nanoseconds, id]
            )
            guard let key = try APIKey.fetch(db, id) else { throw StorageError.notFound("key \(id)") }
            return key
        }
    }
}

extension TenantID {
    /// The operators' own keys hang on no row of tenants.
    fileprivate var column: String? { self == .system ? nil : description }
}

extension APIKey {
    static func fetch(_ db: Database, _ id: String) throws -> APIKey? {
        try Row.fetchOne(db, sql: "SELECT * FROM api_keys WHERE id = ?", arguments: [id]).map(APIKey.init(row:))
    }

    init(row: Row) throws {
        var tenant = TenantID.system
        if let name = row["tenant"] as String? { tenant = try row.decoded(TenantID(name), "tenant") }
        self.init(
            id: try row.text("id"),
            tenant: tenant,
            role: try row.decoded(Role(rawValue: try row.text("role")), "role"),
            name: try row.text("name"),
            scopes: ScopeSet(try row.text("scopes")),
            models: try row.models("models"),
            secretHash: try row.bytes("secret_hash"),
            createdAt: try row.time("created_at"),
            createdBy: try row.text("created_by"),
            expiresAt: row.optionalTime("expires_at"),
            revokedAt: row.optionalTime("revoked_at")
        )
    }
}
