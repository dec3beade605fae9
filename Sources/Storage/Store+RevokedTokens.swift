// SPDX-License-Identifier: Apache-2.0

import GRDB
public import GatewayCore
public import Identity

extension Store {
    /// The tokens that are refused although they have not expired, by id.
    public func revokedTokens() throws(StorageError) -> [RevokedToken] {
        try read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM revoked_tokens ORDER BY id").map { row in
                RevokedToken(id: try row.text("id"), expiresAt: try row.time("expires_at"))
            }
        }
    }

    /// Refuses the token of that id from now on; its entry is kept until it expires. Of two calls for one token the
    /// later expiry holds.
    public func revoke(token id: String, until expiresAt: UnixTime) throws(StorageError) {
        try write { db in
            try db.execute(
                sql: """
                    INSERT INTO revoked_tokens VALUES (?, ?)
                    ON CONFLICT (id) DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)
                    """,
                arguments: [id, expiresAt.nanoseconds]
            )
        }
    }

    /// Forgets the revoked tokens that expired before `moment`, and says how many those were.
    @discardableResult
    public func purgeRevokedTokens(expiredBefore moment: UnixTime) throws(StorageError) -> Int {
        try write { db in
            try db.execute(
                sql: "DELETE FROM revoked_tokens WHERE expires_at < ?",
                arguments: [moment.nanoseconds]
            )
            return db.changesCount
        }
    }
}
