// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Storage

/// `GET /admin/v1/audit/records`: the records that fit every given field, newest first.
///
/// A page may hold fewer records than were asked for, even none, and still have a next one: a search that must look
/// through much of the log ends its page early. Without a next page all was found. Records that come meanwhile move no
/// other from page to page. As `Accept` says, the answer is a page with `next_page_token`, or lines (NDJSON), or CSV;
/// lines and CSV name the next page in `Link` (RFC 8288).
struct AuditAPI {
    let services: Services

    static let parameters = [
        "tenant", "key_id", "subject", "source", "request_id", "model", "model_version", "status", "reason", "decision",
        "action", "q", "since", "until", "before", "after", "order", "page_size", "page_token",
    ]

    private enum Order: String, CaseIterable { case newest, oldest }

    func search(_ request: BlockingRequest) throws -> Reply {
        var query = try query(QueryParameters(request.query, known: Self.parameters))
        // Whoever is bound to a tenant asks for its records, whatever else they ask for.
        let bound = Reach(request, services.directory).tenant
        if let bound {
            // What is found of a tenant that does not exist.
            if query.tenant != nil, query.tenant != bound.description { query.limit = 0 }
            query.tenant = bound.description
        }
        // As plain text, and as it stands in records whose keys are still there.
        let tenant = query.tenant.flatMap { TenantID($0) }
        if let text = query.subject { query.subjectForms = services.personalKeys.forms(of: text, tenant: tenant) }
        if let text = query.source { query.sourceForms = services.personalKeys.forms(of: text, tenant: tenant) }
        let indexed = services.search.index.indexedSize
        let (found, next) = try services.search.page(query)
        let token = next.map { AuditPageToken($0).text }
        switch Form(request.accept) {
        case .page:
            // How much others do is nothing to who is bound to a tenant.
            let sizes = bound == nil ? (log: services.audit.size, index: max(indexed, Self.end(of: found))) : nil
            return page(found, token, sizes)
        case .lines:
            var lines: [UInt8] = []
            for (index, record) in found {
                var json = JSONWriter(capacity: record.count + 64)
                json.entry(record, at: index)
                lines += json.bytes + [10]
            }
            return linked(Reply(status: 200, contentType: "application/x-ndjson", body: lines), request, token)
        case .csv:
            var csv = CSVWriter()
            for (index, record) in found { csv.append((try? JSON.parse(record)) ?? .null, at: index) }
            return linked(Reply(status: 200, contentType: "text/csv; charset=utf-8", body: csv.take()), request, token)
        }
    }

    private static func end(of found: [(index: UInt64, record: [UInt8])]) -> UInt64 {
        found.map { $0.index + 1 }.max() ?? 0
    }

    private enum Form {
        case page, lines, csv

        init(_ accept: String?) {
            let accept = accept ?? ""
            self = accept.contains("application/x-ndjson") ? .lines : accept.contains("text/csv") ? .csv : .page
        }
    }

    private func page(
        _ found: [(index: UInt64, record: [UInt8])],
        _ token: String?,
        _ sizes: (log: UInt64, index: UInt64)?
    ) -> Reply {
        var json = JSONWriter(capacity: 4096)
        json.beginObject()
        json.name("records")
        json.beginArray()
        for (index, record) in found { json.entry(record, at: index) }
        json.endArray()
        if let token {
            json.name("next_page_token")
            json.string(token)
        }
        if let sizes {
            json.name("log_size")
            json.integer(sizes.log)
            json.name("indexed_size")
            json.integer(sizes.index)
        }
        json.endObject()
        return .json(json.bytes)
    }

    /// Names the next page: the same query with its token.
    private func linked(_ reply: Reply, _ request: BlockingRequest, _ token: String?) -> Reply {
        guard let token else { return reply }
        var reply = reply
        let others = (request.query ?? "").split(separator: "&").filter { !$0.hasPrefix("page_token=") }
        let query = (others.map(String.init) + ["page_token=\(token)"]).joined(separator: "&")
        reply.fields.append(.init(.link, "<\(Route.auditRecords.template)?\(query)>; rel=\"next\""))
        return reply
    }

    private func query(_ parameters: QueryParameters) throws(Refusal) -> AuditQuery {
        func time(_ name: String) throws(Refusal) -> UnixTime? {
            guard let text = parameters[name] else { return nil }
            guard let time = UnixTime(text) else {
                throw JSONBody.wrong(name, "a time as 2026-11-24T06:13:28Z or a day as 2026-11-24")
            }
            return time
        }
        let any = 0...Int64.max
        var query = AuditQuery()
        query.tenant = parameters["tenant"]
        query.keyID = parameters["key_id"]
        query.subject = parameters["subject"]
        query.source = parameters["source"]
        query.requestID = parameters["request_id"]
        query.model = parameters["model"]
        query.modelVersion = try parameters.number("model_version", any)
        query.status = try parameters.number("status", 100...599)
        query.reason = parameters["reason"]
        let decision: AuditDecision? = try parameters.word("decision")
        query.decision = decision?.rawValue
        query.action = parameters["action"]
        query.since = try time("since")
        query.until = try time("until")
        query.beforeIndex = try parameters.number("before", any).map(UInt64.init)
        query.afterIndex = try parameters.number("after", any).map(UInt64.init)
        query.limit = Int(try parameters.number("page_size", 1...1000) ?? 100)
        if let text = parameters["q"] {
            guard let words = AuditWords(text) else {
                throw JSONBody.wrong(
                    "q",
                    "1 to \(AuditWords.maximumCount) words, or phrases in double quotes, with a space between them"
                )
            }
            query.words = words
        }
        let order: Order? = try parameters.word("order")
        query.newestFirst = order != .oldest
        if let text = parameters["page_token"] {
            guard let token = AuditPageToken(text) else {
                throw JSONBody.wrong("page_token", "the next_page_token of the page before")
            }
            token.apply(to: &query)
        }
        return query
    }
}

/// Where a page of records goes on, in the form of the other lists' tokens: base64url of a JSON list of texts.
struct AuditPageToken {
    private let index: UInt64

    /// - Parameter index: `next` of the page before.
    init(_ index: UInt64) { self.index = index }

    init?(_ text: String) {
        let parts = Base64URL.decode(Array(text.utf8)).flatMap { try? JSON.parse($0).array }
        guard let parts, parts.count == 1, let index = parts[0].string.flatMap({ UInt64($0) }), index <= Int64.max
        else {
            return nil
        }
        self.index = index
    }

    var text: String { Base64URL.encode(Array(JSON.array([.string(String(index))]).serialized().utf8)) }

    /// Makes the query go on there, within what it asks.
    func apply(to query: inout AuditQuery) {
        if query.newestFirst {
            query.beforeIndex = min(query.beforeIndex ?? .max, index)
        } else if index > 0 {
            query.afterIndex = max(query.afterIndex ?? 0, index - 1)
        }
    }
}

extension JSONWriter {
    /// A record with its index.
    fileprivate mutating func entry(_ record: [UInt8], at index: UInt64) {
        beginObject()
        name("index")
        integer(index)
        name("record")
        raw(record)
        endObject()
    }
}
