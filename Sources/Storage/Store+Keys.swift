// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
public import GatewayCore
public import Identity

extension Store {
    /// All keys, in no order: a start has many to read.
    public func keys() throws(StorageError) -> [APIKey] {
        try read { db in
            var keys: [APIKey] = []
            keys.reserveCapacity(try Int.fetchOne(db, sql: "SELECT count(*) FROM api_keys") ?? 0)
            let rows = try Row.fetchCursor(db, sql: "SELECT \(APIKey.columns) FROM api_keys")
            while let row = try rows.next() { keys.append(try APIKey(row: row)) }
            return keys
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
    ///
    /// - Parameter answer: kept with the key, in one transaction.
    public func insert(_ key: APIKey, answer: IdempotentAnswer? = nil, rehearses: Bool = false) throws(StorageError) {
        try write(rehearses: rehearses) { db in
            guard try APIKey.fetch(db, key.id) == nil else { throw StorageError.exists("key \(key.id)") }
            if key.tenant != .system, try Tenant.fetch(db, key.tenant) == nil {
                throw StorageError.notFound("tenant \(key.tenant)")
            }
            try db.cachedStatement(
                sql: "INSERT INTO api_keys (\(APIKey.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            ).execute(arguments: [
                key.id, key.tenant.column, key.role.rawValue, key.name, key.scopes.description, key.models.column,
                Data(key.secretHash), key.createdAt.nanoseconds, key.createdBy, key.expiresAt?.nanoseconds,
                key.revokedAt?.nanoseconds, key.networksColumn, key.limitsColumn,
                key.retiring.map { Data($0.hash) }, key.retiring?.endsAt.nanoseconds, key.revision,
            ])
            try answer?.insert(db)
        }
    }

    /// Changes all of a key but its id, tenant, role and origin, and gives it as stored: one revision on. A key that is
    /// revoked already keeps its first moment.
    ///
    /// Throws ``StorageError/notFound(_:)`` when there is no such key, and
    /// ``StorageError/revisionConflict(what:current:)`` when it is not at `expectedRevision`; nil stands for any.
    ///
    /// - Parameter answer: kept with the key, in one transaction.
    public func update(
        _ key: APIKey,
        expectedRevision: Int64?,
        answer: IdempotentAnswer? = nil,
        rehearses: Bool = false
    ) throws(StorageError) -> APIKey {
        try write(rehearses: rehearses) { db in
            guard let current = try APIKey.fetch(db, key.id) else { throw StorageError.notFound("key \(key.id)") }
            if let expectedRevision, expectedRevision != current.revision {
                throw StorageError.revisionConflict(what: "key \(key.id)", current: current.revision)
            }
            var next = key
            next.revision = current.revision + 1
            next.revokedAt = current.revokedAt ?? key.revokedAt
            try db.execute(
                sql: """
                    UPDATE api_keys SET name = ?, scopes = ?, models = ?, secret_hash = ?, expires_at = ?,
                    revoked_at = ?, networks = ?, limits = ?, retiring_hash = ?, retiring_ends_at = ?, revision = ?
                    WHERE id = ?
                    """,
                arguments: [
                    next.name, next.scopes.description, next.models.column, Data(next.secretHash),
                    next.expiresAt?.nanoseconds, next.revokedAt?.nanoseconds, next.networksColumn,
                    next.limitsColumn, next.retiring.map { Data($0.hash) },
                    next.retiring?.endsAt.nanoseconds, next.revision, next.id,
                ]
            )
            try answer?.insert(db)
            return next
        }
    }

    /// Revokes a key for good and gives it as stored. A key that is revoked already stays as it is.
    ///
    /// Throws ``StorageError/notFound(_:)`` when there is no such key.
    @discardableResult
    public func revoke(key id: String, at moment: UnixTime, rehearses: Bool = false) throws(StorageError) -> APIKey {
        try write(rehearses: rehearses) { db in
            try db.execute(
                sql: """
                    UPDATE api_keys SET revoked_at = ?, revision = revision + 1 WHERE id = ? AND revoked_at IS NULL
                    """,
                arguments: [moment.nanoseconds, id]
            )
            guard let key = try APIKey.fetch(db, id) else { throw StorageError.notFound("key \(id)") }
            return key
        }
    }
}

extension TenantID {
    /// The operators' own keys hang on no row of tenants.
    var column: String? { self == .system ? nil : description }
}

extension APIKey {
    /// In the order in which ``init(row:)`` reads them: by place, for names would cost a start with many keys seconds.
    static let columns = """
        id, tenant, role, name, scopes, models, secret_hash, created_at, created_by, expires_at, revoked_at, networks, \
        limits, retiring_hash, retiring_ends_at, revision
        """

    static func fetch(_ db: Database, _ id: String) throws -> APIKey? {
        try Row.fetchOne(db, sql: "SELECT \(columns) FROM api_keys WHERE id = ?", arguments: [id])
            .map(APIKey.init(row:))
    }

    fileprivate var networksColumn: String? {
        networks.map { JSON.array($0.map { .string($0.description) }).serialized() }
    }

    fileprivate var limitsColumn: String? {
        limits.map { JSON.object($0.json.filter { $0.value != .null }).serialized() }
    }

    init(row: Row) throws {
        var tenant = TenantID.system
        if let name = row[1] as String? { tenant = try row.decoded(TenantID(name), "tenant") }
        var models = ModelAccess.all
        if !row.hasNull(atIndex: 5) { models = try row.models("models") }
        self.init(
            id: row[0],
            tenant: tenant,
            role: try row.decoded(Role(rawValue: row[2]), "role"),
            name: row[3],
            scopes: ScopeSet(row[4] as String),
            models: models,
            secretHash: [UInt8](row[6] as Data),
            createdAt: UnixTime(nanoseconds: row[7]),
            createdBy: row[8],
            expiresAt: (row[9] as Int64?).map(UnixTime.init(nanoseconds:)),
            revokedAt: (row[10] as Int64?).map(UnixTime.init(nanoseconds:)),
            revision: row[15]
        )
        if let text = row[11] as String? {
            let blocks = try row.decoded(try? JSON.parse(text).array, "networks")
            networks = try blocks.map { try row.decoded($0.string.flatMap { IPNetwork($0) }, "networks") }
        }
        if let text = row[12] as String? {
            limits = try row.decoded((try? JSON.parse(text)).flatMap(KeyLimits.init(json:)), "limits")
        }
        if let hash = row[13] as Data? {
            retiring = RetiringSecret(hash: [UInt8](hash), endsAt: UnixTime(nanoseconds: row[14]))
        }
    }
}
