// SPDX-License-Identifier: Apache-2.0

import Audit
import GRDB
import GatewayCore

/// Compares a search index with the log's records: whether each is found by what it holds, and by nothing else.
///
/// The index may end before the log: it is built behind it. It is opened for reading only, also beside its gateway.
public final class AuditIndexCheck {
    /// A record that the index has wrong.
    public struct Disagreement: Hashable, Sendable {
        /// The record's index in the log.
        public let record: UInt64
        /// Reads on from the file's name.
        public let reason: String
    }

    /// Records in the index.
    public let size: UInt64
    private let path: String
    private let queue: DatabaseQueue
    private var block: [AuditIndexEntry] = []
    private var named: Int64 = 0
    private var taken: UInt64 = 0
    /// The first record that was taken.
    private var first: UInt64 = 0
    /// Records that the index says it left out, as those of tenants that keep less. That it may is not compared: who can
    /// change the index can say so of any.
    public private(set) var leftOut: UInt64 = 0

    /// - Throws: ``StorageError`` when there is no index, or one of another release.
    public init(path: String) throws(StorageError) {
        self.path = path
        do {
            var configuration = Configuration()
            configuration.readonly = true
            configuration.label = "audit-index-check"
            configuration.busyMode = .timeout(5)
            queue = try DatabaseQueue(path: path, configuration: configuration)
            size = try queue.read { db in
                guard try Int32.fetchOne(db, sql: "PRAGMA application_id") == AuditIndexSchema.application else {
                    throw StorageError.foreign(path: path)
                }
                guard try Int64.fetchOne(db, sql: "PRAGMA user_version") == AuditIndexSchema.version else {
                    throw StorageError.newerSchema(path: path)
                }
                return UInt64(try Int64.fetchOne(db, sql: "SELECT max(id) + 1 FROM records") ?? 0)
            }
        } catch {
            throw StorageError(error, path: path)
        }
    }

    /// Takes the log's next record; they are compared a block at a time.
    ///
    /// - Returns: the first record so far that the index has wrong.
    public func take(_ index: UInt64, _ record: UnsafeRawBufferPointer) throws(StorageError) -> Disagreement? {
        guard index < size else { return nil }
        if taken == 0 { first = index }
        taken = index + 1
        block.append(AuditIndexEntry(index: index, record: record))
        return (index + 1) % UInt64(AuditIndexSchema.block) == 0 ? try compare() : nil
    }

    /// Compares what is left, and looks for what no record accounts for.
    ///
    /// - Parameter logSize: records that there are; nil when there may be more than were given.
    public func finish(logSize: UInt64?) throws(StorageError) -> Disagreement? {
        if let wrong = try compare() { return wrong }
        if let logSize, size > logSize {
            return Disagreement(record: logSize, reason: "has \(size) records, and the log only \(logSize)")
        }
        let requests = try read { db in
            try Int64.fetchOne(
                db,
                sql: "SELECT count(*) FROM requests WHERE id >= ? AND id < ?",
                arguments: [Int64(first), Int64(taken)]
            ) ?? 0
        }
        // Fewer are none that is missing: each was there when it was looked for, and may have been pruned since.
        return requests <= named
            ? nil : Disagreement(record: 0, reason: "has \(requests) request ids, and the log's records \(named)")
    }

    // MARK: - Parts

    private func compare() throws(StorageError) -> Disagreement? {
        guard let first = block.first?.index else { return nil }
        let all = block
        block.removeAll(keepingCapacity: true)
        let (wrong, entries) = try read { db in
            // Together with the rows: the gateway may take out more meanwhile.
            let forgotten = try AuditIndex.forgotten(db)
            let entries = all.filter { $0.index >= $0.tenant.flatMap { forgotten[$0] } ?? 0 }
            return (try Self.compare(entries, from: first, db), entries)
        }
        leftOut += UInt64(all.count - entries.count)
        named += entries.reduce(0) { $0 + ($1.requestID == nil ? 0 : 1) }
        return wrong
    }

    private static func compare(_ entries: [AuditIndexEntry], from first: UInt64, _ db: Database) throws
        -> Disagreement?
    {
        var look = Look(db)
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT records.id, time, kinds.*, callers.*, note
                FROM records LEFT JOIN kinds ON kinds.id = kind LEFT JOIN callers ON callers.id = caller
                WHERE records.id >= ? ORDER BY records.id LIMIT ?
                """,
            arguments: [Int64(first), entries.count]
        )
        for entry in entries {
            guard let row = try rows.next(), row[0] == Int64(entry.index) else {
                return Disagreement(record: entry.index, reason: "lacks this record")
            }
            if let reason = try look.fault(entry, row) { return Disagreement(record: entry.index, reason: reason) }
        }
        return nil
    }

    private func read<Value>(_ body: (Database) throws -> Value) throws(StorageError) -> Value {
        do { return try queue.read(body) } catch { throw StorageError(error, path: path) }
    }
}

/// Looks up what the searches of a block's records would.
private struct Look {
    private let db: Database
    /// Marks that were found.
    private var marks: Set<[DatabaseValue]> = []

    init(_ db: Database) {
        self.db = db
    }

    /// - Parameter row: id, time, a kind's id and its fields in their order, a caller's id and its own, a note's id.
    mutating func fault(_ entry: AuditIndexEntry, _ row: Row) throws -> String? {
        guard row[1] == entry.time?.nanoseconds else { return "has another time" }
        let ofKinds = AuditIndexSchema.Field.ofKinds
        let callerPlace = 3 + ofKinds.count
        for (start, fields) in [(3, ofKinds), (callerPlace + 1, AuditIndexSchema.Field.ofCallers)] {
            for (place, field) in fields.enumerated() where row[start + place] as DatabaseValue != entry[field] {
                return "has another \(field.column)"
            }
        }
        let block = Int64(entry.index) / AuditIndexSchema.block
        let ids: [DatabaseValue] = [
            row[2], row[callerPlace], row[callerPlace + 1 + AuditIndexSchema.Field.ofCallers.count],
        ]
        guard ids[2].isNull == (entry.target == nil && entry.detail == nil) else { return "has words of another" }
        var needed = zip(AuditIndexSchema.Likeness.allCases, ids).filter { !$1.isNull }.map {
            [$0.mark.databaseValue, $1]
        }
        needed += ofKinds.map { ($0, entry[$0]) }.filter { !$1.isNull }.map { [$0.rawValue.databaseValue, $1] }
        for mark in needed where marks.insert(mark).inserted {
            let sql = "SELECT 1 FROM marks WHERE field = ? AND value = ? AND block = ?"
            guard try has(sql, [mark[0], mark[1], block]) else { return "does not find it by each of its fields" }
        }
        if let name = entry.requestID {
            let sql = "SELECT 1 FROM requests WHERE request_id = ? AND id = ?"
            guard try has(sql, [AuditIndexSchema.request(name), Int64(entry.index)]) else {
                return "does not find it by its request id"
            }
        }
        if let minute = entry.time?.minute {
            let sql = "SELECT 1 FROM minutes WHERE minute = ? AND ? BETWEEN first AND last"
            guard try has(sql, [minute, Int64(entry.index)]) else { return "does not find it by its time" }
        }
        return nil
    }

    private func has(_ sql: String, _ arguments: StatementArguments) throws -> Bool {
        try Int64.fetchOne(db.cachedStatement(sql: sql), arguments: arguments) != nil
    }
}

extension AuditIndexEntry {
    fileprivate subscript(field: AuditIndexSchema.Field) -> DatabaseValue {
        switch field {
        case .keyID: keyID.databaseValue
        case .tenant: tenant.databaseValue
        case .model: model.databaseValue
        case .status: status.databaseValue
        case .reason: reason.databaseValue
        case .decision: decision.databaseValue
        case .action: action.databaseValue
        case .modelVersion: modelVersion.databaseValue
        case .source: source.databaseValue
        case .subject: subject.databaseValue
        }
    }
}
