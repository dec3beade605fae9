// SPDX-License-Identifier: Apache-2.0

import GRDB
public import GatewayCore

/// Which audit records to find: those that meet every condition that is set.
public struct AuditQuery: Hashable, Sendable {
    /// Records of this tenant.
    public var tenant: String?
    /// Records of this API key.
    public var keyID: String?
    /// Records of this request.
    public var requestID: String?
    /// Records about this model.
    public var model: String?
    /// Records with this HTTP status.
    public var status: Int64?
    /// Records with this reason code.
    public var reason: String?
    /// Records with this decision.
    public var decision: String?
    /// Records of this action.
    public var action: String?
    /// Records made at this moment or later.
    public var since: UnixTime?
    /// Records made before this moment.
    public var until: UnixTime?
    /// Records behind this one in the log.
    public var afterIndex: UInt64?
    /// Records in front of this one in the log.
    public var beforeIndex: UInt64?
    /// Most records to find.
    public var limit: Int
    /// Whether the last records of the log come first.
    public var newestFirst: Bool

    /// A query for all records, the newest first.
    ///
    /// To turn the page, set ``beforeIndex`` to the last index found (``afterIndex`` when the oldest come first):
    /// records that are appended meanwhile never shift a page.
    public init(limit: Int = 100, newestFirst: Bool = true) {
        self.limit = limit
        self.newestFirst = newestFirst
    }
}

extension AuditQuery {
    /// The statement that gives the indices, within a range of them that the time allows.
    ///
    /// It walks a request's records when the query names one, otherwise the blocks that are marked with its values, and
    /// looks at each record in them; both in the order of the result, so that it ends as soon as that is full.
    func statement(within range: ClosedRange<Int64>) -> (sql: String, arguments: StatementArguments) {
        let block = AuditIndexSchema.block
        let fields = self.fields
        let conditions = fields.map { "\($0.field.column) = ?" }.joined(separator: " AND ")
        let order = newestFirst ? "DESC" : "ASC"
        var sql: String
        let walk: String
        var arguments: StatementArguments
        if let requestID {
            sql = """
                SELECT r.id FROM requests q CROSS JOIN records r ON r.id = q.id
                WHERE q.request_id = ? AND q.id BETWEEN ? AND ?
                """
            walk = "q.id \(order)"
            arguments = [AuditIndexSchema.request(requestID), range.lowerBound, range.upperBound]
        } else if let first = fields.first {
            sql = """
                SELECT r.id FROM marks m CROSS JOIN records r
                ON r.id BETWEEN max(m.block * \(block), ?) AND min(m.block * \(block) + \(block - 1), ?)
                WHERE m.field = ? AND m.value = ? AND m.block BETWEEN ? AND ?
                """
            walk = "m.block \(order), r.id \(order)"
            arguments = [
                range.lowerBound, range.upperBound, first.field.rawValue, first.value, range.lowerBound / block,
                range.upperBound / block,
            ]
            if fields.count > 1 {
                // The sign takes the column's affinity away, without which SQLite would not look a value up.
                sql += """
                     AND EXISTS (
                        SELECT 1 FROM marks
                        WHERE field = \(AuditIndexSchema.kindField) AND value IN (SELECT +id FROM kinds WHERE \(conditions))
                            AND block = m.block
                    )
                    """
                arguments += StatementArguments(fields.map(\.value))
            }
        } else {
            sql = "SELECT r.id FROM records r WHERE r.id BETWEEN ? AND ?"
            walk = "r.id \(order)"
            arguments = [range.lowerBound, range.upperBound]
        }
        if !fields.isEmpty {
            // The first is looked at once, before any block: values may all occur and never together.
            sql += " AND EXISTS (SELECT 1 FROM kinds WHERE \(conditions))"
            sql += " AND r.kind IN (SELECT id FROM kinds WHERE \(conditions))"
            arguments += StatementArguments(fields.map(\.value) + fields.map(\.value))
        }
        if let since {
            sql += " AND r.time >= ?"
            arguments += [since.nanoseconds]
        }
        if let until {
            sql += " AND r.time < ?"
            arguments += [until.nanoseconds]
        }
        sql += " ORDER BY \(walk) LIMIT ?"
        arguments += [max(limit, 0)]
        return (sql, arguments)
    }

    /// The fields that are asked for, those with the most values first.
    private var fields: [(field: AuditIndexSchema.Field, value: DatabaseValue)] {
        AuditIndexSchema.Field.allCases.compactMap { field in
            let value: DatabaseValue? =
                switch field {
                case .keyID: keyID?.databaseValue
                case .tenant: tenant?.databaseValue
                case .model: model?.databaseValue
                case .status: status?.databaseValue
                case .reason: reason?.databaseValue
                case .decision: decision?.databaseValue
                case .action: action?.databaseValue
                }
            return value.map { (field, $0) }
        }
    }
}
