// SPDX-License-Identifier: Apache-2.0

import GRDBSQLite

extension QueueSink {
    /// SQLite in WAL with synchronous FULL and a prepared INSERT: a transaction for every record, or one for all that wait.
    static func sqlite(_ directory: String, record: [UInt8], takesAll: Bool) throws -> QueueSink {
        let path = "\(directory)/\(takesAll ? "groups" : "rows").sqlite"
        var opened: OpaquePointer?
        guard sqlite3_open(path, &opened) == SQLITE_OK, let database = opened else {
            throw BenchmarkError("\(path) cannot be opened")
        }
        func run(_ text: String) throws {
            guard sqlite3_exec(database, text, nil, nil, nil) == SQLITE_OK else {
                throw BenchmarkError("\(text): \(String(cString: sqlite3_errmsg(database)))")
            }
        }
        try run("PRAGMA journal_mode = WAL")
        try run("PRAGMA synchronous = FULL")
        try run("CREATE TABLE record (number INTEGER PRIMARY KEY, json BLOB NOT NULL)")
        var prepared: OpaquePointer?
        sqlite3_prepare_v2(database, "INSERT INTO record (json) VALUES (?)", -1, &prepared, nil)
        guard let insert = prepared else { throw BenchmarkError("INSERT cannot be prepared") }
        let name = takesAll ? "SQLite, FULL, all that wait in one" : "SQLite, FULL, a transaction for each"
        return QueueSink(name, path: path, takesAll: takesAll) { count in
            if takesAll { try run("BEGIN") }
            for _ in 0..<count {
                // The record outlives the statement: nil for SQLITE_STATIC.
                let isBound = record.withUnsafeBytes {
                    sqlite3_bind_blob(insert, 1, $0.baseAddress, Int32($0.count), nil) == SQLITE_OK
                        && sqlite3_step(insert) == SQLITE_DONE
                }
                sqlite3_reset(insert)
                guard isBound else { throw BenchmarkError(String(cString: sqlite3_errmsg(database))) }
            }
            if takesAll { try run("COMMIT") }
        } end: {
            sqlite3_finalize(insert)
            try run("PRAGMA wal_checkpoint(TRUNCATE)")
            sqlite3_close(database)
        }
    }
}
