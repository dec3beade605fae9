// SPDX-License-Identifier: Apache-2.0

import GRDB
import GatewayCore
public import Limits

extension Store {
    /// The limit states stored last, and the number of audit records they cover: those before `coveredIndex` are in
    /// them, those from there on must be replayed. In a new store: none, and 0.
    public func limitSnapshot() throws(StorageError) -> (coveredIndex: UInt64, accounts: [AccountSnapshot]) {
        try read { db in
            let covered = try Int64.fetchOne(db, sql: "SELECT covered_index FROM limit_snapshot") ?? 0
            let tenants = try Row.fetchAll(db, sql: "SELECT * FROM limit_accounts ORDER BY tenant").map { row in
                try AccountSnapshot(.tenant(try row.decoded(TenantID(try row.text("tenant")), "tenant")), row)
            }
            let keys = try Row.fetchAll(db, sql: "SELECT * FROM limit_key_accounts ORDER BY key").map { row in
                try AccountSnapshot(.key(try row.text("key")), row)
            }
            return (UInt64(bitPattern: covered), tenants + keys)
        }
    }

    /// Replaces the stored limit states and the index they cover, all in one transaction.
    public func save(limitSnapshot accounts: [AccountSnapshot], coveredIndex: UInt64) throws(StorageError) {
        try write { db in
            try db.execute(sql: "DELETE FROM limit_accounts; DELETE FROM limit_key_accounts")
            let tenants = try db.cachedStatement(sql: "INSERT INTO limit_accounts VALUES (?, ?, ?, ?)")
            let keys = try db.cachedStatement(sql: "INSERT INTO limit_key_accounts VALUES (?, ?, ?, ?)")
            for account in accounts {
                switch account.holder {
                case .tenant(let tenant): try tenants.execute(arguments: account.arguments(tenant.description))
                case .key(let id): try keys.execute(arguments: account.arguments(id))
                }
            }
            try db.execute(
                sql: "INSERT OR REPLACE INTO limit_snapshot VALUES (1, ?)",
                arguments: [Int64(bitPattern: coveredIndex)]
            )
        }
    }
}

extension AccountSnapshot {
    fileprivate init(_ holder: Holder, _ row: Row) throws {
        self.init(
            holder,
            theoreticalArrivalNanoseconds: try row.integer("theoretical_arrival"),
            quotaDay: try row.integer("quota_day"),
            quotaUsed: try row.integer("quota_used")
        )
    }

    fileprivate func arguments(_ name: String) -> StatementArguments {
        [name, theoreticalArrivalNanoseconds, quotaDay, quotaUsed]
    }
}
