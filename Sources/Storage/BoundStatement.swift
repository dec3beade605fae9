// SPDX-License-Identifier: Apache-2.0

import GRDB
import GRDBSQLite

/// A prepared statement that is run once for each record, its values bound where they lie: GRDB's own arguments would
/// cost several allocations a run.
///
/// Bound bytes must stay until ``run()`` has returned. A statement is used inside the transaction that made it.
struct BoundStatement {
    private let statement: Statement
    private let handle: OpaquePointer

    init(_ db: Database, _ sql: String) throws {
        statement = try db.cachedStatement(sql: sql)
        handle = statement.sqliteStatement
    }

    func bind(_ place: Int32, _ number: Int64?) {
        if let number {
            sqlite3_bind_int64(handle, place, number)
        } else {
            sqlite3_bind_null(handle, place)
        }
    }

    func bind(_ place: Int32, text: UnsafeRawBufferPointer?) {
        guard let text else {
            sqlite3_bind_null(handle, place)
            return
        }
        // A text without bytes must not be taken for NULL.
        guard let base = text.baseAddress, !text.isEmpty else {
            sqlite3_bind_text(handle, place, "", 0, Self.copied)
            return
        }
        sqlite3_bind_text(handle, place, base.assumingMemoryBound(to: CChar.self), Int32(text.count), nil)
    }

    func bind(_ place: Int32, blob: UnsafeRawBufferPointer) {
        sqlite3_bind_blob(handle, place, blob.baseAddress, Int32(blob.count), nil)
    }

    /// Runs the statement, which returns no rows.
    func run() throws {
        let code = sqlite3_step(handle)
        sqlite3_reset(handle)
        guard code == SQLITE_DONE else {
            sqlite3_clear_bindings(handle)
            throw DatabaseError(
                resultCode: ResultCode(rawValue: code),
                message: String(cString: sqlite3_errmsg(sqlite3_db_handle(handle)))
            )
        }
    }

    /// Lets go of the bound bytes.
    func clear() { sqlite3_clear_bindings(handle) }

    /// SQLITE_TRANSIENT, a cast that Swift does not import: SQLite copies the bytes.
    private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
}
