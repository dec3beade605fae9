// SPDX-License-Identifier: Apache-2.0

import GRDB

/// The gateway's control data in one SQLite file: tenants, plans, keys, revoked tokens, limit states, settings.
///
/// There is one connection, so calls take turns. Each blocks until its change is on disk (WAL, `synchronous = FULL`):
/// call it from a thread of its own, never from an event loop.
public final class Store: Sendable {
    let path: String
    private let queue: DatabaseQueue

    /// Opens the store, creating the file (for its owner alone) and bringing its tables up to date.
    ///
    /// Throws ``StorageError/newerSchema(path:)``, ``StorageError/foreign(path:)``,
    /// ``StorageError/damaged(path:detail:)`` or ``StorageError/inaccessible(path:detail:)`` when the file cannot be
    /// used; it is left as it was.
    public init(path: String) throws(StorageError) {
        self.path = path
        let isNew = try DatabaseFile(path: path).prepare(application: Schema.application)
        do {
            queue = try DatabaseQueue(
                path: path,
                configuration: .gateway("store", newApplication: isNew ? Schema.application : nil)
            )
            // GRDB sets NORMAL with WAL, which may lose the last commits when the power fails.
            try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            try Self.prepare(queue, path: path)
        } catch {
            throw StorageError(error, path: path)
        }
    }

    /// Folds the write-ahead log into the file and closes it. Later calls fail.
    public func close() throws(StorageError) {
        do {
            try queue.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
            try queue.close()
        } catch {
            throw StorageError(error, path: path)
        }
    }

    // MARK: - Access

    func read<R>(_ body: (Database) throws -> R) throws(StorageError) -> R {
        do { return try queue.read(body) } catch { throw StorageError(error, path: path) }
    }

    /// One transaction: all of `body` or, when it throws, nothing.
    func write<R>(_ body: (Database) throws -> R) throws(StorageError) -> R {
        do { return try queue.write(body) } catch { throw StorageError(error, path: path) }
    }

    private static func prepare(_ queue: DatabaseQueue, path: String) throws {
        let migrator = Schema.migrator
        try queue.read { db in
            let report = try String.fetchOne(db, sql: "PRAGMA quick_check(1)")
            guard report == "ok" else { throw StorageError.damaged(path: path, detail: report ?? "no report") }
            guard try !migrator.hasBeenSuperseded(db) else { throw StorageError.newerSchema(path: path) }
        }
        try migrator.migrate(queue)
    }
}
