// SPDX-License-Identifier: Apache-2.0

import GRDB
import Synchronization

/// The gateway's control data in one SQLite file: tenants, plans, keys, revoked tokens, limit states, settings.
///
/// There is one connection, so calls take turns. Each blocks until its change is on disk (WAL, `synchronous = FULL`):
/// call it from a thread of its own, never from an event loop.
public final class Store: Sendable {
    let path: String
    /// nil once closed: SQLite must not be asked then.
    private let queue: Mutex<DatabaseQueue?>

    /// Opens the store, creating the file (for its owner alone) and bringing its tables up to date.
    ///
    /// Throws ``StorageError/newerSchema(path:)``, ``StorageError/foreign(path:)``,
    /// ``StorageError/damaged(path:detail:)`` or ``StorageError/inaccessible(path:detail:)`` when the file cannot be
    /// used; its data is left alone.
    public init(path: String) throws(StorageError) {
        self.path = path
        let isNew = try DatabaseFile(path: path).prepare(application: Schema.application)
        do {
            let application = isNew ? Schema.application : nil
            let queue = try DatabaseQueue(path: path, configuration: .gateway("store", newApplication: application))
            // GRDB sets NORMAL with WAL, which may lose the last commits when the power fails.
            try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            try Self.prepare(queue, path: path)
            self.queue = Mutex(queue)
        } catch {
            throw StorageError(error, path: path)
        }
    }

    /// Folds the write-ahead log into the file and closes it. Later calls throw ``StorageError/closed(path:)``.
    public func close() throws(StorageError) {
        let failure = queue.withLock { open -> StorageError? in
            guard let queue = open else { return .closed(path: path) }
            do {
                try queue.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
                try queue.close()
                open = nil
                return nil
            } catch {
                return StorageError(error, path: path)
            }
        }
        if let failure { throw failure }
    }

    // MARK: - Access

    func read<R>(_ body: (Database) throws -> R) throws(StorageError) -> R {
        try withQueue { try $0.read(body) }
    }

    /// One transaction: all of `body` or, when it throws, nothing.
    func write<R>(_ body: (Database) throws -> R) throws(StorageError) -> R {
        try withQueue { try $0.write(body) }
    }

    /// Runs `body` in a transaction that is rolled back on a rehearsal, whatever it came to.
    func write<R>(rehearses: Bool, _ body: (Database) throws -> R) throws(StorageError) -> R {
        guard rehearses else { return try write(body) }
        return try withQueue { queue in
            try queue.writeWithoutTransaction { db in
                var result: R?
                try db.inTransaction(.immediate) {
                    result = try body(db)
                    return .rollback
                }
                guard let result else { preconditionFailure("the body of a transaction ran or threw") }
                return result
            }
        }
    }

    private func withQueue<R>(_ body: (DatabaseQueue) throws -> R) throws(StorageError) -> R {
        let result = queue.withLock { queue -> Result<R, StorageError> in
            guard let queue else { return .failure(.closed(path: path)) }
            do { return .success(try body(queue)) } catch { return .failure(StorageError(error, path: path)) }
        }
        return try result.get()
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
