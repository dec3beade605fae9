// SPDX-License-Identifier: Apache-2.0

import GRDB
import GatewayCore
import Synchronization

/// A search index over the audit log, in a database file of its own: it says which records to read from the log.
///
/// All of it can be built again from the log. So a commit need not reach the disk at once (`synchronous = NORMAL`): after
/// a power failure the index is whole and a little shorter, and ``indexedSize`` says from where to go on. One thread
/// appends; any number search meanwhile. Every call blocks.
public final class AuditIndex: Sendable {
    private static let application: Int32 = 0x5447_6978
    private static let version: Int64 = 1

    private let path: String
    private let pool: DatabasePool
    private let size: Atomic<UInt64>

    /// Opens the index, creating it when there is none. One that is damaged or of another release is replaced by an
    /// empty one; a file that is no index of the gateway is left alone (``StorageError/foreign(path:)``).
    public init(path: String) throws(StorageError) {
        self.path = path
        let opened: (pool: DatabasePool, size: UInt64)
        do {
            opened = try Self.open(path)
        } catch .damaged, .newerSchema {
            try Self.remove(path: path)
            opened = try Self.open(path)
        }
        pool = opened.pool
        size = Atomic(opened.size)
    }

    /// Deletes the index and what SQLite keeps beside it; it must not be open. After ``StorageError/damaged(path:detail:)``
    /// this and a new ``init(path:)`` start it again from record 0.
    public static func remove(path: String) throws(StorageError) {
        try DatabaseFile(path: path).remove()
    }

    /// How many records of the log are in: all before this one.
    public var indexedSize: UInt64 { size.load(ordering: .acquiring) }

    /// Adds records in the log's order, in one transaction. Those that are in already are left out.
    ///
    /// Throws ``StorageError/gap(expected:found:)`` when a record between was left out.
    public func append(_ batch: [AuditIndexEntry]) throws(StorageError) {
        var next = indexedSize
        let new = batch.drop { $0.index < next }
        guard !new.isEmpty else { return }
        for entry in new {
            guard entry.index == next else { throw .gap(expected: next, found: entry.index) }
            next += 1
        }
        do {
            try pool.write { db in try Self.insert(new, into: db) }
        } catch {
            throw StorageError(error, path: path)
        }
        size.store(next, ordering: .releasing)
    }

    /// The indices of the records that meet the query, in its order.
    public func search(_ query: AuditQuery) throws(StorageError) -> [UInt64] {
        do {
            return try pool.read { db in
                guard let range = try Self.range(of: query, in: db) else { return [] }
                let (sql, arguments) = query.statement(within: range)
                return try Int64.fetchAll(db, sql: sql, arguments: arguments).map(UInt64.init)
            }
        } catch {
            throw StorageError(error, path: path)
        }
    }

    /// Folds the write-ahead log into the file and closes it. Later calls fail.
    public func close() throws(StorageError) {
        do {
            try pool.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
            try pool.close()
        } catch {
            throw StorageError(error, path: path)
        }
    }
}

// MARK: - The tables

extension AuditIndex {
    /// The log is in the order of time but for requests that overlap. So no index by time is kept, only the first and
    /// last record of each minute: they bound a search by time to a range of ids.
    private static let tables = """
        CREATE TABLE records (
            id INTEGER PRIMARY KEY,
            time INTEGER,
            tenant TEXT,
            key_id TEXT,
            request_id TEXT,
            status INTEGER,
            reason TEXT,
            decision TEXT,
            action TEXT,
            model TEXT
        ) STRICT;
        CREATE INDEX records_by_tenant ON records (tenant);
        CREATE INDEX records_by_key ON records (key_id) WHERE key_id IS NOT NULL;
        CREATE INDEX records_by_request ON records (request_id) WHERE request_id IS NOT NULL;
        CREATE INDEX records_by_model ON records (model) WHERE model IS NOT NULL;
        CREATE INDEX records_by_status ON records (status) WHERE status <> 200;
        CREATE INDEX records_by_reason ON records (reason) WHERE reason <> 'ok';
        CREATE INDEX records_by_decision ON records (decision) WHERE decision <> 'allowed';
        CREATE INDEX records_by_action ON records (action) WHERE action <> 'predict';
        CREATE TABLE minutes (
            minute INTEGER PRIMARY KEY,
            first INTEGER NOT NULL,
            last INTEGER NOT NULL
        ) STRICT;
        PRAGMA user_version = \(version);
        """

    private static func open(_ path: String) throws(StorageError) -> (pool: DatabasePool, size: UInt64) {
        let isNew = try DatabaseFile(path: path).prepare(application: application)
        do {
            var configuration = Configuration.gateway("audit-index", newApplication: isNew ? application : nil)
            configuration.maximumReaderCount = 2
            let pool = try DatabasePool(path: path, configuration: configuration)
            let size = try pool.write { db in
                switch try Int64.fetchOne(db, sql: "PRAGMA user_version") {
                case 0: try db.execute(sql: tables)
                case version: break
                default: throw StorageError.newerSchema(path: path)
                }
                return try Int64.fetchOne(db, sql: "SELECT max(id) + 1 FROM records") ?? 0
            }
            return (pool, UInt64(size))
        } catch {
            throw StorageError(error, path: path)
        }
    }

    private static func insert(_ entries: ArraySlice<AuditIndexEntry>, into db: Database) throws {
        let insert = try db.cachedStatement(sql: "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        var minutes: [Int64: ClosedRange<Int64>] = [:]
        for entry in entries {
            let id = Int64(entry.index)
            try insert.execute(arguments: [
                id, entry.time?.nanoseconds, entry.tenant, entry.keyID, entry.requestID, entry.status, entry.reason,
                entry.decision, entry.action, entry.model,
            ])
            if let time = entry.time { minutes[time.minute] = (minutes[time.minute]?.lowerBound ?? id)...id }
        }
        let extend = try db.cachedStatement(
            sql: """
                INSERT INTO minutes VALUES (?, ?, ?) ON CONFLICT (minute) DO UPDATE SET last = excluded.last
                """
        )
        for (minute, ids) in minutes { try extend.execute(arguments: [minute, ids.lowerBound, ids.upperBound]) }
    }

    /// The ids that can meet the query's bounds of index and time; nil when none can.
    private static func range(of query: AuditQuery, in db: Database) throws -> ClosedRange<Int64>? {
        var first = Int64(clamping: query.afterIndex.map { $0 &+ 1 } ?? 0)
        var last = Int64(clamping: query.beforeIndex.map { $0 &- 1 } ?? .max)
        if query.beforeIndex == 0 || query.afterIndex == .max { return nil }
        if query.since != nil || query.until != nil {
            let since = query.since?.minute ?? .min
            let until = query.until?.minute ?? .max
            let row = try Row.fetchOne(
                db,
                sql: "SELECT min(first), max(last) FROM minutes WHERE minute BETWEEN ? AND ?",
                arguments: [since, until]
            )
            guard let low = row?[0] as Int64?, let high = row?[1] as Int64? else { return nil }
            first = max(first, low)
            last = min(last, high)
        }
        return first <= last ? first...last : nil
    }
}

extension UnixTime {
    /// Whole minutes since the epoch, rounded down.
    fileprivate var minute: Int64 {
        let seconds = self.seconds
        return seconds >= 0 ? seconds / 60 : (seconds - 59) / 60
    }
}
