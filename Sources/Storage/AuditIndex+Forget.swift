// SPDX-License-Identifier: Apache-2.0

import GRDB
import GatewayCore

/// Taking records out of the index: those that the log no longer holds, and those of a tenant that keeps less.
extension AuditIndex {
    /// Takes records out, in one transaction, with what nothing else in the index needs of them: their callers, notes and
    /// kinds, and the words of these.
    ///
    /// - Parameter records: neighbours in the log, with their index; those that are not in the index are passed over.
    public func forget(_ records: [AuditIndexEntry]) throws(StorageError) {
        try remove { db in try Self.erase(records, in: db) }
    }

    /// The same of a tenant's records alone; notes that all of them before that index were taken out, so that
    /// ``AuditIndexCheck`` does not miss them.
    public func forget(
        _ records: [AuditIndexEntry],
        of tenant: String,
        until index: UInt64
    ) throws(StorageError) {
        try remove { db in
            try Self.erase(records.filter { $0.tenant == tenant }, in: db)
            try db.execute(
                sql: """
                    INSERT INTO forgotten VALUES (?, ?)
                    ON CONFLICT (tenant) DO UPDATE SET until = max(until, excluded.until)
                    """,
                arguments: [tenant, Int64(clamping: index)]
            )
        }
    }

    private static func erase(_ records: [AuditIndexEntry], in db: Database) throws {
        var eraser = try AuditIndexEraser(db)
        for record in records { try eraser.erase(record) }
        try eraser.finish()
    }

    /// Up to which index records were taken out, of each tenant that keeps less than others.
    public func forgotten() throws(StorageError) -> [String: UInt64] {
        try read { db in try Self.forgotten(db) }
    }

    static func forgotten(_ db: Database) throws -> [String: UInt64] {
        let rows = try Row.fetchAll(db, sql: "SELECT tenant, until FROM forgotten")
        return Dictionary(uniqueKeysWithValues: rows.map { ($0[0] as String, UInt64($0[1] as Int64)) })
    }

    /// Takes out what is left of the records before that index: marks of blocks, minutes, places. It looks at all marks,
    /// so it is for now and then.
    public func sweep(before first: UInt64) throws(StorageError) {
        let first = Int64(clamping: first)
        try remove { db in
            try db.execute(sql: "DELETE FROM records WHERE id < ?", arguments: [first])
            try db.execute(
                sql: "DELETE FROM marks WHERE field > 0 AND block < ?",
                arguments: [first / AuditIndexSchema.block]
            )
            try db.execute(sql: "DELETE FROM minutes WHERE last < ?", arguments: [first])
            try db.execute(sql: "DELETE FROM places WHERE id < ?", arguments: [first])
        }
    }
}

/// Deletes the rows of records within one transaction.
private struct AuditIndexEraser {
    private let db: Database
    /// What the erased records had, by the row of `texts`: its id, its words, and the blocks it was erased from.
    private var likenesses: [Int64: Erased] = [:]

    private struct Erased {
        let likeness: AuditIndexSchema.Likeness
        let id: Int64
        let words: [String?]
        var blocks: Set<Int64> = []
    }

    init(_ db: Database) throws { self.db = db }

    mutating func erase(_ entry: AuditIndexEntry) throws {
        let id = Int64(entry.index)
        let select = try db.cachedStatement(sql: "SELECT kind, caller, note FROM records WHERE id = ?")
        guard let row = try Row.fetchOne(select, arguments: [id]) else { return }
        try run("DELETE FROM records WHERE id = ?", [id])
        if let request = entry.requestID {
            try run("DELETE FROM requests WHERE request_id = ? AND id = ?", [AuditIndexSchema.request(request), id])
        }
        for (place, likeness) in AuditIndexSchema.Likeness.allCases.enumerated() {
            guard let value = row[place] as Int64? else { continue }
            likenesses[
                likeness.row(value),
                default: Erased(likeness: likeness, id: value, words: entry.words(of: likeness))
            ].blocks.insert(id / AuditIndexSchema.block)
        }
    }

    /// Deletes the likenesses that no record has any more.
    func finish() throws {
        for erased in likenesses.values {
            let column = erased.likeness.column
            for block in erased.blocks {
                let first = block * AuditIndexSchema.block
                let isUsed = try has(
                    "SELECT 1 FROM records WHERE id BETWEEN ? AND ? AND \(column) = ? LIMIT 1",
                    [first, first + AuditIndexSchema.block - 1, erased.id]
                )
                if isUsed { continue }
                try run(
                    "DELETE FROM marks WHERE field = ? AND value = ? AND block = ?",
                    [erased.likeness.mark, erased.id, block]
                )
            }
            let isMarked = try has(
                "SELECT 1 FROM marks WHERE field = ? AND value = ? LIMIT 1",
                [erased.likeness.mark, erased.id]
            )
            if !isMarked { try erase(erased) }
        }
    }

    private func erase(_ erased: Erased) throws {
        switch erased.likeness {
        case .kind: try run("DELETE FROM kinds WHERE id = ?", [erased.id])
        case .caller: try run("DELETE FROM callers WHERE id = ?", [erased.id])
        case .note: break
        }
        // A table without content must be told what it indexed (https://www.sqlite.org/fts5.html, section 4.4.2).
        let words = erased.words.compactMap { $0.map { $0 + "\n" } }.joined()
        try run(
            "INSERT INTO texts (texts, rowid, words) VALUES ('delete', ?, ?)",
            [erased.likeness.row(erased.id), words]
        )
    }

    private func run(_ sql: String, _ arguments: StatementArguments) throws {
        try db.cachedStatement(sql: sql).execute(arguments: arguments)
    }

    private func has(_ sql: String, _ arguments: StatementArguments) throws -> Bool {
        try Int64.fetchOne(db.cachedStatement(sql: sql), arguments: arguments) != nil
    }
}

extension AuditIndexEntry {
    /// The texts whose words were kept for a likeness, in their order.
    fileprivate func words(of likeness: AuditIndexSchema.Likeness) -> [String?] {
        switch likeness {
        case .kind:
            [
                keyID, tenant, model, status.map(String.init), reason, decision, action, modelVersion.map(String.init),
            ]
        case .caller: [source, subject, clientID, issuer]
        case .note: [target, detail]
        }
    }
}
