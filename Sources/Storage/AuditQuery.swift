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
    func statement(within range: ClosedRange<Int64>) -> (sql: String, arguments: StatementArguments) {
        var conditions = ["id BETWEEN ? AND ?"]
        var arguments: StatementArguments = [range.lowerBound, range.upperBound]
        func require(_ condition: String, _ value: (some DatabaseValueConvertible)?) {
            guard let value else { return }
            conditions.append(condition)
            arguments += [value]
        }
        require("tenant = ?", tenant)
        require("key_id = ?", keyID)
        require("request_id = ?", requestID)
        require("model = ?", model)
        require("status = ?", status)
        require("reason = ?", reason)
        require("decision = ?", decision)
        require("action = ?", action)
        require("time >= ?", since?.nanoseconds)
        require("time < ?", until?.nanoseconds)
        // Common values are left out of these indices; SQLite uses one only where the query repeats its condition.
        if let status, status != 200 { conditions.append("status <> 200") }
        if let reason, reason != "ok" { conditions.append("reason <> 'ok'") }
        if let decision, decision != "allowed" { conditions.append("decision <> 'allowed'") }
        if let action, action != "predict" { conditions.append("action <> 'predict'") }
        let sql = """
            SELECT id FROM records WHERE \(conditions.joined(separator: " AND "))
            ORDER BY id \(newestFirst ? "DESC" : "ASC") LIMIT ?
            """
        arguments += [max(limit, 0)]
        return (sql, arguments)
    }
}
