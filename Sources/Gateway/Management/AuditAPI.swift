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

    func search(_ request: BlockingRequest) throws -> Reply {
        var query = try query(request.query ?? "")
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

    private func query(_ text: String) throws(Refusal) -> AuditQuery {
        guard let form = FormBody(text.utf8) else {
            throw Refusal(.fieldInvalid, "The query is not a form in which each parameter stands once.")
        }
        for name in form.names where !Self.parameters.contains(name) {
            throw Refusal(
                .fieldInvalid,
                "There is no parameter '\(name.prefix(40))'; there are \(Self.parameters.joined(separator: ", "))."
            )
        }
        func time(_ name: String) throws(Refusal) -> UnixTime? {
            guard let text = form[name] else { return nil }
            guard let time = UnixTime(text) else {
                throw JSONBody.wrong(name, "a time as 2026-11-24T06:13:28Z or a day as 2026-11-24")
            }
            return time
        }
        func number(_ name: String, _ range: ClosedRange<UInt64>) throws(Refusal) -> UInt64? {
            guard let text = form[name] else { return nil }
            guard let number = UInt64(text), range.contains(number) else {
                throw JSONBody.wrong(name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
        var query = AuditQuery()
        query.tenant = form["tenant"]
        query.keyID = form["key_id"]
        query.requestID = form["request_id"]
        query.model = form["model"]
        query.status = try number("status", 100...599).map(Int64.init)
        query.reason = form["reason"]
        query.decision = form["decision"]
        query.action = form["action"]
        query.since = try time("since")
        query.until = try time("until")
        query.beforeIndex = try number("before", 0...UInt64(Int64.max))
        query.limit = Int(try number("limit", 1...1000) ?? 100)
        guard ["newest", "oldest"].contains(form["order"] ?? "newest") else {
            throw JSONBody.wrong("order", "newest or oldest")
        }
        query.newestFirst = form["order"] != "oldest"
        query.afterIndex = try number("after", 0...UInt64(Int64.max))
        return query
    }
}
