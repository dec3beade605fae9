// SPDX-License-Identifier: Apache-2.0

import GRDB
import GatewayCore

/// One search in the index.
///
/// It goes over the log in windows, each larger than the last: in a window it intersects the blocks that the conditions
/// mark, then looks at the records of those. So what is found near the start costs little, and what is rare is found
/// without a look at most records.
struct AuditIndexSearch {
    /// What a record must meet.
    private struct Condition {
        /// Of a row `r` of `records`.
        var sql: String
        var arguments: StatementArguments = []
        /// Selects the blocks from `lo` to `hi` in which it can be met, one or more statements.
        var blocks: [(sql: String, arguments: StatementArguments)] = []
    }

    /// A union of marks is looked through for each window: of so many at most, where the values have marks of their own.
    private static let fewIDs = 64
    /// The same where they have none.
    private static let manyIDs = 20_000
    /// After a look at more blocks the next window is no larger.
    private static let manyBlocks = 64
    /// Blocks in the first window.
    private static let firstWindow: Int64 = 16

    private let db: Database
    private let query: AuditQuery
    private var conditions: [Condition] = []
    /// Whether no record can be found.
    private var isVain = false

    init(_ query: AuditQuery, in db: Database) throws {
        self.query = query
        self.db = db
        try add(.kind, table: "kinds", of: AuditIndexSchema.Field.ofKinds)
        try add(.caller, table: "callers", of: AuditIndexSchema.Field.ofCallers)
        for term in query.words?.terms ?? [] { try add(term: term) }
        if let since = query.since {
            conditions.append(Condition(sql: "r.time >= ?", arguments: [since.nanoseconds]))
        }
        if let until = query.until { conditions.append(Condition(sql: "r.time < ?", arguments: [until.nanoseconds])) }
    }

    /// The ids within the range that meet the query, in its order.
    ///
    /// - Parameter isLate: asked after each window; when it says so the search ends early.
    /// - Returns: what was found, and the range that is left to search when it ended early or the page is full.
    func run(
        within range: ClosedRange<Int64>,
        isLate: () -> Bool
    ) throws -> (found: [Int64], rest: ClosedRange<Int64>?) {
        guard !isVain, query.limit > 0 else { return ([], nil) }
        if let request = query.requestID { return (try ids(of: request, within: range), nil) }
        var found: [Int64] = []
        var rest: ClosedRange<Int64>? = range
        var size = Self.firstWindow * AuditIndexSchema.block
        while let left = rest {
            let window = part(of: left, size)
            let part = try ids(within: window, limit: query.limit - found.count)
            found += part.found
            if found.count >= query.limit, let last = found.last {
                return (found, query.newestFirst ? below(last, left) : above(last, left))
            }
            rest = query.newestFirst ? below(window.lowerBound, left) : above(window.upperBound, left)
            if isLate() { break }
            // So that none takes long: a window's cost is in the blocks that were looked at.
            if part.blocks <= Self.manyBlocks { size *= 4 }
        }
        return (found, rest)
    }

    // MARK: - Windows

    private func part(of range: ClosedRange<Int64>, _ size: Int64) -> ClosedRange<Int64> {
        let (low, high) = (range.lowerBound, range.upperBound)
        guard high - low >= size else { return range }
        return query.newestFirst ? high - size + 1...high : low...low + size - 1
    }

    private func below(_ id: Int64, _ range: ClosedRange<Int64>) -> ClosedRange<Int64>? {
        id > range.lowerBound ? range.lowerBound...id - 1 : nil
    }

    private func above(_ id: Int64, _ range: ClosedRange<Int64>) -> ClosedRange<Int64>? {
        id < range.upperBound ? id + 1...range.upperBound : nil
    }

    private func ids(within window: ClosedRange<Int64>, limit: Int) throws -> (found: [Int64], blocks: Int) {
        let block = AuditIndexSchema.block
        let marked = conditions.flatMap(\.blocks)
        guard !marked.isEmpty else {
            return (
                try ids("records r WHERE r.id BETWEEN ? AND ?", [window.lowerBound, window.upperBound], limit),
                window.count / Int(block)
            )
        }
        var arguments: StatementArguments = []
        for blocks in marked {
            arguments += blocks.arguments + [window.lowerBound / block, window.upperBound / block]
        }
        let sql = marked.map(\.sql).joined(separator: " INTERSECT ") + " ORDER BY block \(order)"
        var left = try Int64.fetchAll(db.cachedStatement(sql: sql), arguments: arguments)[...]
        let count = left.count
        var found: [Int64] = []
        // A few first: most blocks hold much of what they are marked with.
        var size = 4
        while !left.isEmpty, found.count < limit {
            let part = """
                json_each(?) m CROSS JOIN records r
                WHERE r.id BETWEEN max(m.value * \(block), ?) AND min(m.value * \(block) + \(block - 1), ?)
                """
            found += try ids(
                part,
                [Self.list(Array(left.prefix(size))), window.lowerBound, window.upperBound],
                limit - found.count
            )
            left = left.dropFirst(size)
            size = min(size * 2, 64)
        }
        return (found, count)
    }

    private var order: String { query.newestFirst ? "DESC" : "ASC" }

    private func ids(_ part: String, _ range: StatementArguments, _ limit: Int) throws -> [Int64] {
        var sql = "SELECT r.id FROM \(part)"
        var arguments = range
        for condition in conditions {
            sql += " AND \(condition.sql)"
            arguments += condition.arguments
        }
        sql += " ORDER BY r.id \(order) LIMIT ?"
        return try Int64.fetchAll(db.cachedStatement(sql: sql), arguments: arguments + [limit])
    }

    private func ids(of request: String, within range: ClosedRange<Int64>) throws -> [Int64] {
        var sql = """
            SELECT r.id FROM requests q CROSS JOIN records r ON r.id = q.id
            WHERE q.request_id = ? AND q.id BETWEEN ? AND ?
            """
        var arguments: StatementArguments = [AuditIndexSchema.request(request), range.lowerBound, range.upperBound]
        for condition in conditions {
            sql += " AND \(condition.sql)"
            arguments += condition.arguments
        }
        sql += " ORDER BY q.id \(order) LIMIT ?"
        arguments += [query.limit]
        return try Int64.fetchAll(db, sql: sql, arguments: arguments)
    }
}

// MARK: - Conditions

extension AuditIndexSearch {
    /// Adds what the query asks of the fields of a likeness.
    private mutating func add(
        _ likeness: AuditIndexSchema.Likeness,
        table: String,
        of fields: [AuditIndexSchema.Field]
    ) throws {
        let asked = fields.compactMap { field in query[field].map { (field: field, value: $0) } }
        guard !asked.isEmpty else { return }
        let select =
            "SELECT id FROM \(table) WHERE "
            + asked.map {
                query.forms(of: $0.field).isEmpty
                    ? "\($0.field.column) = ?" : "\($0.field.column) IN (SELECT value FROM json_each(?))"
            }
            .joined(separator: " AND ")
        let arguments = StatementArguments(
            asked.map { field, value in
                let forms = query.forms(of: field)
                guard !forms.isEmpty, let text = String.fromDatabaseValue(value) else { return value }
                return JSON.array(([text] + forms).map(JSON.string)).serialized().databaseValue
            }
        )
        let ids = try Int64.fetchAll(db, sql: "\(select) LIMIT \(Self.manyIDs + 1)", arguments: arguments)
        guard !ids.isEmpty else {
            isVain = true
            return
        }
        var condition = Condition(sql: "r.\(likeness.column) IN (\(select))", arguments: arguments)
        if ids.count <= Self.manyIDs { (condition.sql, condition.arguments) = Self.isOne(of: ids, likeness) }
        if ids.count <= (likeness == .kind ? Self.fewIDs : Self.manyIDs) {
            condition.blocks = [Self.blocks(of: [(likeness, ids)])]
        } else if likeness == .kind {
            condition.blocks = asked.map { asked in
                (
                    sql: "SELECT block FROM marks WHERE field = ? AND value = ? AND block BETWEEN ? AND ?",
                    arguments: [asked.field.rawValue, asked.value]
                )
            }
        }
        conditions.append(condition)
    }

    /// Adds that a record must have a word, or words one behind the other, in its kind, its caller or its note.
    private mutating func add(term: String) throws {
        let match = "SELECT rowid FROM texts WHERE texts MATCH ?"
        let rows = try Int64.fetchAll(db, sql: "\(match) LIMIT \(Self.manyIDs + 1)", arguments: [term])
        guard !rows.isEmpty else {
            isVain = true
            return
        }
        var condition = Condition(sql: "")
        if rows.count <= Self.manyIDs {
            let found = AuditIndexSchema.Likeness.allCases.compactMap { likeness in
                let ids = rows.filter { $0 & 3 == likeness.rawValue }.map { $0 >> 2 }
                return ids.isEmpty ? nil : (likeness, ids)
            }
            let parts = found.map { Self.isOne(of: $0.1, $0.0) }
            condition.sql = "(" + parts.map(\.sql).joined(separator: " OR ") + ")"
            for part in parts { condition.arguments += part.arguments }
            condition.blocks = [Self.blocks(of: found)]
        } else {
            condition.sql =
                "("
                + AuditIndexSchema.Likeness.allCases.map {
                    "r.\($0.column) IN (SELECT rowid >> 2 FROM texts WHERE texts MATCH ? AND rowid & 3 = \($0.rawValue))"
                }.joined(separator: " OR ") + ")"
            condition.arguments = StatementArguments(AuditIndexSchema.Likeness.allCases.map { _ in term })
        }
        conditions.append(condition)
    }

    private static func isOne(
        of ids: [Int64],
        _ likeness: AuditIndexSchema.Likeness
    ) -> (sql: String, arguments: StatementArguments) {
        ids.count == 1
            ? ("r.\(likeness.column) = ?", [ids[0]])
            : ("r.\(likeness.column) IN (SELECT value FROM json_each(?))", [list(ids)])
    }

    private static func blocks(
        of found: [(AuditIndexSchema.Likeness, [Int64])]
    ) -> (sql: String, arguments: StatementArguments) {
        let pairs = found.flatMap { likeness, ids in ids.map { "[\(likeness.mark),\($0)]" } }
        let sql = """
            SELECT DISTINCT block FROM json_each(?) j CROSS JOIN marks
            ON field = j.value ->> 0 AND marks.value = j.value ->> 1 AND block BETWEEN ? AND ?
            """
        return (sql, ["[" + pairs.joined(separator: ",") + "]"])
    }

    private static func list(_ ids: [Int64]) -> String { "[" + ids.map(String.init).joined(separator: ",") + "]" }
}

extension AuditQuery {
    /// What a field's value may be as well; only callers have such fields.
    fileprivate func forms(of field: AuditIndexSchema.Field) -> [String] {
        switch field {
        case .source: sourceForms
        case .subject: subjectForms
        case .keyID, .tenant, .model, .status, .reason, .decision, .action, .modelVersion: []
        }
    }

    fileprivate subscript(field: AuditIndexSchema.Field) -> DatabaseValue? {
        switch field {
        case .keyID: keyID?.databaseValue
        case .tenant: tenant?.databaseValue
        case .model: model?.databaseValue
        case .status: status?.databaseValue
        case .reason: reason?.databaseValue
        case .decision: decision?.databaseValue
        case .action: action?.databaseValue
        case .modelVersion: modelVersion?.databaseValue
        case .source: source?.databaseValue
        case .subject: subject?.databaseValue
        }
    }
}
