// SPDX-License-Identifier: Apache-2.0

public import Audit
import GRDB
import GatewayCore
import Synchronization

/// A search index over the audit log, in a database file of its own: it says which records to read from the log.
///
/// All of it can be built again from the log. So a commit need not reach the disk at once (`synchronous = NORMAL`): after
/// a power failure the index is whole and a little shorter, and ``indexedSize`` says from where to go on. One thread
/// appends; any number search meanwhile. Every call blocks.
public final class AuditIndex: Sendable {
    private let path: String
    private let pool: DatabasePool
    private let size: Atomic<UInt64>
    /// Held by the one that appends or closes: SQLite must not be asked to write once it is closed.
    private let state = Mutex(State())

    private struct State {
        var isClosed = false
        var memory = AuditIndexMemory()
    }

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
        try write { write in
            for entry in new { try entry.withFields { try write($0, entry.index, nil) } }
        }
        size.store(next, ordering: .releasing)
    }

    /// Adds the records that the reader comes to next, in one transaction, and answers how many they were; fewer than
    /// `limit` when it has come to the log's end. The reader is brought to ``indexedSize`` first, and stands there after
    /// an error.
    ///
    /// - Parameter held: the first record that the log holds; those before it are left out.
    /// - Throws: ``StorageError``; ``Audit/AuditError`` when a record cannot be read: those before it are in.
    public func follow(_ reader: AuditReader, atMost limit: Int, from held: UInt64 = 0) throws -> Int {
        let first = max(indexedSize, held, reader.first)
        reader.seek(to: first)
        guard reader.size > first else { return 0 }
        var next = first
        var fault: AuditError?
        do {
            try write { write in
                do {
                    while next - first < limit, let index = try reader.advance() {
                        let place = reader.place
                        try reader.withRecord { record in
                            try RecordFields.read(record) { try write($0, index, place) }
                        }
                        next = index + 1
                    }
                } catch let error as AuditError {
                    fault = error
                }
            }
        } catch {
            reader.seek(to: first)
            throw error
        }
        size.store(next, ordering: .releasing)
        if let fault { throw fault }
        return Int(next - first)
    }

    /// The indices of the records that meet the query, in its order.
    public func search(_ query: AuditQuery) throws(StorageError) -> [UInt64] {
        try page(query) { false }.indices
    }

    /// A page of what meets the query.
    ///
    /// - Parameter isLate: asked now and then; when it says so, the page ends with what was found.
    public func page(_ query: AuditQuery, isLate: () -> Bool) throws(StorageError) -> AuditPage {
        do {
            return try pool.read { db in
                guard let range = try Self.range(of: query, in: db) else { return AuditPage() }
                let (found, rest) = try AuditIndexSearch(query, in: db).run(within: range, isLate: isLate)
                let next = rest.map { UInt64(query.newestFirst ? $0.upperBound + 1 : $0.lowerBound) }
                return AuditPage(indices: found.map(UInt64.init), next: next)
            }
        } catch {
            throw StorageError(error, path: path)
        }
    }

    /// The last record before each of these, or itself, whose place in the journal is known.
    public func places(
        before indices: [UInt64]
    ) throws(StorageError) -> [(index: UInt64, place: AuditPlace)?] {
        do {
            return try pool.read { db in
                let statement = try db.cachedStatement(sql: "SELECT segment, offset FROM places WHERE id = ?")
                return try indices.map { index in
                    let id = Int64(clamping: index) / AuditIndexSchema.stride * AuditIndexSchema.stride
                    guard let row = try Row.fetchOne(statement, arguments: [id]) else { return nil }
                    return (UInt64(id), AuditPlace(segment: UInt64(row[0] as Int64), offset: row[1]))
                }
            }
        } catch {
            throw StorageError(error, path: path)
        }
    }

    func read<Value>(_ body: (Database) throws -> Value) throws(StorageError) -> Value {
        do { return try pool.read(body) } catch { throw StorageError(error, path: path) }
    }

    /// Folds the write-ahead log into the file and closes it. Later calls fail.
    public func close() throws(StorageError) {
        try whileOpen { state in
            try pool.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
            try pool.close()
            state.isClosed = true
        }
    }

    /// Runs `body` in a transaction with a function that adds the next record.
    func write(
        _ body: ((_ fields: RecordFields, _ index: UInt64, _ place: AuditPlace?) throws -> Void) throws -> Void
    ) throws(StorageError) {
        try whileOpen { state in
            do {
                try pool.write { db in
                    var writer = try AuditIndexWriter(db)
                    try body { fields, index, place in
                        try writer.write(fields, id: Int64(index), &state.memory)
                        try writer.write(place, id: Int64(index))
                    }
                    try writer.finish()
                }
            } catch {
                state.memory = AuditIndexMemory()
                throw error
            }
        }
    }

    /// Runs `body` in a transaction that takes records out; what is known of the tables may be wrong then.
    func remove(_ body: (Database) throws -> Void) throws(StorageError) {
        try whileOpen { state in
            state.memory = AuditIndexMemory()
            try pool.write(body)
        }
    }

    private func whileOpen(_ body: (inout State) throws -> Void) throws(StorageError) {
        let failure = state.withLock { state -> StorageError? in
            if state.isClosed { return .closed(path: path) }
            do { try body(&state) } catch { return StorageError(error, path: path) }
            return nil
        }
        if let failure { throw failure }
    }
}

// MARK: - The tables

extension AuditIndex {
    private static func open(_ path: String) throws(StorageError) -> (pool: DatabasePool, size: UInt64) {
        let isNew = try DatabaseFile(path: path).prepare(application: AuditIndexSchema.application)
        do {
            var configuration = Configuration.gateway(
                "audit-index",
                newApplication: isNew ? AuditIndexSchema.application : nil
            )
            configuration.maximumReaderCount = 2
            // Marks are written all over their table: 16 MB of pages for each connection.
            configuration.prepareDatabase { try $0.execute(sql: "PRAGMA cache_size = -16000") }
            let pool = try DatabasePool(path: path, configuration: configuration)
            let size = try pool.write { db in
                switch try Int64.fetchOne(db, sql: "PRAGMA user_version") {
                case 0: try db.execute(sql: AuditIndexSchema.tables)
                case AuditIndexSchema.version: break
                default: throw StorageError.newerSchema(path: path)
                }
                return try Int64.fetchOne(db, sql: "SELECT max(id) + 1 FROM records") ?? 0
            }
            return (pool, UInt64(size))
        } catch {
            throw StorageError(error, path: path)
        }
    }

    /// The ids that can meet the query's bounds of index and time; nil when none can.
    private static func range(of query: AuditQuery, in db: Database) throws -> ClosedRange<Int64>? {
        // No record is behind this one: a search need not look there.
        guard let end = try Int64.fetchOne(db, sql: "SELECT max(id) FROM records") else { return nil }
        var first = Int64(clamping: query.afterIndex.map { $0 &+ 1 } ?? 0)
        var last = min(end, Int64(clamping: query.beforeIndex.map { $0 &- 1 } ?? .max))
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
