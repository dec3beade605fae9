// SPDX-License-Identifier: Apache-2.0

import GRDB
public import GatewayCore
public import Identity

/// Which keys a list shows.
public struct KeyQuery: Hashable, Sendable {
    /// Where a key is in its life.
    public enum State: String, CaseIterable, Sendable {
        case active, expired, revoked
    }

    /// A key's place in the list.
    public struct Place: Hashable, Sendable {
        /// When it was made.
        public var createdAt: UnixTime
        /// Its public part.
        public var id: String

        /// The place of the key of that id, made then.
        public init(createdAt: UnixTime, id: String) {
            self.createdAt = createdAt
            self.id = id
        }
    }

    /// Of this tenant, or of `system`; nil for all.
    public var tenant: TenantID?
    /// Of this role; nil for all.
    public var role: Role?
    /// In the name, whatever the case (ASCII).
    public var name: String?
    /// In this state at ``now``; nil for all.
    public var state: State?
    /// The moment that ``state`` is asked for.
    public var now: UnixTime
    /// Behind this place.
    public var after: Place?
    /// Keys at most.
    public var limit: Int

    /// All keys, the first `limit` of them.
    public init(now: UnixTime, limit: Int) {
        self.now = now
        self.limit = limit
    }
}

/// A key and when it was last used.
public struct ListedKey: Hashable, Sendable {
    /// The key.
    public var key: APIKey
    /// As last stored: some seconds old; nil for never.
    public var lastUsedAt: UnixTime?
}

extension Store {
    /// The keys that fit, in the order they were made: a page is the same however many are added behind it.
    public func keys(_ query: KeyQuery) throws(StorageError) -> [ListedKey] {
        var sql = "SELECT \(APIKey.columns), last_used_at FROM api_keys WHERE true"
        var arguments: [(any DatabaseValueConvertible)?] = []
        if let tenant = query.tenant {
            sql += " AND tenant IS ?"
            arguments.append(tenant.column)
        }
        if let role = query.role {
            sql += " AND role = ?"
            arguments.append(role.rawValue)
        }
        if let name = query.name {
            sql += " AND instr(lower(name), lower(?))"
            arguments.append(name)
        }
        switch query.state {
        case nil: break
        case .revoked: sql += " AND revoked_at IS NOT NULL"
        case .expired:
            sql += " AND revoked_at IS NULL AND expires_at <= ?"
            arguments.append(query.now.nanoseconds)
        case .active:
            sql += " AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)"
            arguments.append(query.now.nanoseconds)
        }
        if let after = query.after {
            sql += " AND (created_at, id) > (?, ?)"
            arguments += [after.createdAt.nanoseconds, after.id]
        }
        sql += " ORDER BY created_at, id LIMIT ?"
        arguments.append(query.limit)
        let statement = (sql: sql, arguments: StatementArguments(arguments))
        return try read { db in
            try Row.fetchAll(db, sql: statement.sql, arguments: statement.arguments).map { row in
                ListedKey(key: try APIKey(row: row), lastUsedAt: row.optionalTime("last_used_at"))
            }
        }
    }

    /// When the key was last used, as last stored; nil for never.
    public func lastUse(ofKey id: String) throws(StorageError) -> UnixTime? {
        try read { db in
            try Row.fetchOne(db, sql: "SELECT last_used_at FROM api_keys WHERE id = ?", arguments: [id])?
                .optionalTime("last_used_at")
        }
    }

    /// Stores when keys were last used, in one transaction; a time before the one stored is left alone.
    public func save(uses: [(keyID: String, at: UnixTime)]) throws(StorageError) {
        try write { db in
            let update = try db.cachedStatement(
                sql: "UPDATE api_keys SET last_used_at = max(ifnull(last_used_at, 0), ?) WHERE id = ?"
            )
            for use in uses { try update.execute(arguments: [use.at.nanoseconds, use.keyID]) }
        }
    }
}
