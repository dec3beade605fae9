// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
public import GatewayCore

/// The answer to a creating call, to be given again when the call comes again under its idempotency key
/// (draft-ietf-httpapi-idempotency-key-header). It holds no secret: what is shown once is left out of it.
public struct IdempotentAnswer: Hashable, Sendable {
    /// The key that called: one caller's idempotency keys are nothing to another.
    public var caller: String
    /// SHA-256 of the idempotency key.
    public var keyHash: [UInt8]
    /// SHA-256 of what was asked: method, path and body.
    public var requestHash: [UInt8]
    /// The HTTP status.
    public var status: Int
    /// Where the new object is.
    public var location: String?
    /// Its revision, as an entity tag.
    public var etag: String?
    /// JSON.
    public var body: String
    /// When the call was made.
    public var createdAt: UnixTime

    /// An answer to keep.
    public init(
        caller: String,
        keyHash: [UInt8],
        requestHash: [UInt8],
        status: Int,
        location: String?,
        etag: String?,
        body: String,
        createdAt: UnixTime
    ) {
        self.caller = caller
        self.keyHash = keyHash
        self.requestHash = requestHash
        self.status = status
        self.location = location
        self.etag = etag
        self.body = body
        self.createdAt = createdAt
    }

    func insert(_ db: Database) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO idempotent_answers VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                caller, Data(keyHash), Data(requestHash), status, location, etag, body, createdAt.nanoseconds,
            ]
        )
    }

    fileprivate init(row: Row) throws {
        self.init(
            caller: try row.text("caller"),
            keyHash: try row.bytes("key_hash"),
            requestHash: try row.bytes("request_hash"),
            status: Int(try row.integer("status")),
            location: row["location"],
            etag: row["etag"],
            body: try row.text("body"),
            createdAt: try row.time("created_at")
        )
    }
}

extension Store {
    /// What was answered to that caller under that idempotency key since `moment`; nil when nothing was.
    public func answer(
        to caller: String,
        keyHash: [UInt8],
        since moment: UnixTime
    ) throws(StorageError) -> IdempotentAnswer? {
        try read { db in
            try Row.fetchOne(
                db,
                sql: "SELECT * FROM idempotent_answers WHERE caller = ? AND key_hash = ? AND created_at >= ?",
                arguments: [caller, Data(keyHash), moment.nanoseconds]
            ).map(IdempotentAnswer.init(row:))
        }
    }

    /// Forgets the answers given before that moment.
    public func purgeAnswers(before moment: UnixTime) throws(StorageError) {
        try write { db in
            try db.execute(
                sql: "DELETE FROM idempotent_answers WHERE created_at < ?",
                arguments: [moment.nanoseconds]
            )
        }
    }
}
