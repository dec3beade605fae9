// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Storage

/// `GET /admin/v1/audit/records`: the records that fit every given field, newest first.
///
/// With `Accept: application/x-ndjson` each line is one entry; else a page, with `next_before` (oldest first: `next_after`)
/// for the following one.
struct AuditAPI {
    let services: Services

    static let parameters = [
        "tenant", "key_id", "request_id", "model", "status", "reason", "decision", "action", "since", "until", "before",
        "after", "limit", "order",
    ]

    private enum Order: String, CaseIterable { case newest, oldest }

    func search(_ request: BlockingRequest) throws -> Reply {
        var query = try query(request.query)
        // Whoever is bound to a tenant asks for its records, whatever else they ask for.
        let bound = Reach(request, services.directory).tenant
        if let bound {
            guard query.tenant == nil || query.tenant == bound.description else { return Self.nothing(request) }
            query.tenant = bound.description
        }
        let found = try services.search.records(query)
        let asLines = request.accept?.contains("application/x-ndjson") == true
        var json = JSONWriter(capacity: 4096)
        var lines: [UInt8] = []
        if !asLines {
            json.beginObject()
            json.name("records")
            json.beginArray()
        }
        for (index, record) in found {
            json.beginObject()
            json.name("index")
            json.integer(index)
            json.name("record")
            json.raw(record)
            json.endObject()
            if asLines {
                lines += json.bytes + [10]
                json.reset()
            }
        }
        guard !asLines else { return Reply(status: 200, contentType: "application/x-ndjson", body: lines) }
        json.endArray()
        if found.count == query.limit, let last = found.last?.index {
            json.name(query.newestFirst ? "next_before" : "next_after")
            json.integer(last)
        }
        // How much others do is nothing to who is bound to a tenant.
        if bound == nil {
            json.name("log_size")
            json.integer(services.audit.size)
            json.name("indexed_size")
            json.integer(services.search.index.indexedSize)
        }
        json.endObject()
        return .json(json.bytes)
    }

    /// What is found of a tenant that does not exist.
    private static func nothing(_ request: BlockingRequest) -> Reply {
        request.accept?.contains("application/x-ndjson") == true
            ? Reply(status: 200, contentType: "application/x-ndjson", body: []) : .json(["records": []])
    }

    private func query(_ text: String?) throws(Refusal) -> AuditQuery {
        let parameters = try QueryParameters(text, known: Self.parameters)
        func time(_ name: String) throws(Refusal) -> UnixTime? {
            guard let text = parameters[name] else { return nil }
            guard let time = UnixTime(text) else {
                throw JSONBody.wrong(name, "a time as 2026-11-24T06:13:28Z or a day as 2026-11-24")
            }
            return time
        }
        var query = AuditQuery()
        query.tenant = parameters["tenant"]
        query.keyID = parameters["key_id"]
        query.requestID = parameters["request_id"]
        query.model = parameters["model"]
        query.status = try parameters.number("status", 100...599)
        query.reason = parameters["reason"]
        let decision: AuditDecision? = try parameters.word("decision")
        query.decision = decision?.rawValue
        query.action = parameters["action"]
        query.since = try time("since")
        query.until = try time("until")
        query.beforeIndex = try parameters.number("before", 0...Int64.max).map(UInt64.init)
        query.limit = Int(try parameters.number("limit", 1...1000) ?? 100)
        let order: Order? = try parameters.word("order")
        query.newestFirst = order != .oldest
        query.afterIndex = try parameters.number("after", 0...Int64.max).map(UInt64.init)
        return query
    }
}
