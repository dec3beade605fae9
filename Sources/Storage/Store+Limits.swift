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
            let accounts = try Row.fetchAll(db, sql: "SELECT * FROM limit_accounts ORDER BY tenant").map { row in
                AccountSnapshot(
                    tenant: try row.decoded(TenantID(try row.text("tenant")), "tenant"),
                    theoreticalArrivalNanoseconds: try row.integer("theoretical_arrival"),
                    quotaDay: try row.integer("quota_day"),
                    quotaUsed: try row.integer("quota_used")
                )
            }
            return (UInt64(bitPattern: covered), accounts)
        }
    }

    /// Replaces the stored limit states and the index they cover, both in one transaction.
    public func save(limitSnapshot accounts: [AccountSnapshot], coveredIndex: UInt64) throws(StorageError) {
        try write { db in
            try db.execute(sql: "DELETE FROM limit_accounts")
            let insert = try db.cachedStatement(sql: "INSERT INTO limit_accounts VALUES (?, ?, ?, ?)")
            for account in accounts {
                try insert.execute(arguments: [
                    account.tenant.description, account.theoreticalArrivalNanoseconds, account.quotaDay,
                    account.quotaUsed,
                ])
            }
            try db.execute(
                sql: "INSERT OR REPLACE INTO limit_snapshot VALUES (1, ?)",
                arguments: [Int64(bitPattern: coveredIndex)]
            )
        }
    }
}
