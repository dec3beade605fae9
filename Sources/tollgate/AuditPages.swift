// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPClient

/// Reads records page by page over the management API.
struct AuditPages {
    /// A record with its place in the log.
    struct Entry {
        let index: UInt64
        /// `{"index": …, "record": …}`.
        let json: JSON
        var record: JSON { json["record"] ?? .null }
        /// The same on one line; what could move a terminal's cursor is escaped.
        var line: String { json.serialized().visibleJSON }
        /// The same with the record's own bytes, for a file.
        var exactLine: String { json.serialized() }
    }

    private let client: ManagementClient
    private let query: [(name: String, value: String)]
    private var token: String?
    private var isAtEnd = false
    /// Records that the index had when the last page was made; nil where the gateway does not say.
    private(set) var indexed: UInt64?

    init(_ client: ManagementClient, _ query: [(name: String, value: String)]) {
        self.client = client
        self.query = query
    }

    /// The next page, which may be empty; nil when there is none.
    ///
    /// - Throws: as `ManagementClient.call(_:_:body:)` does.
    mutating func next(atMost limit: Int = 1000) throws -> [Entry]? {
        guard !isAtEnd else { return nil }
        var fields = query + [("page_size", String(min(1000, limit)))]
        if let token { fields.append(("page_token", token)) }
        let path =
            "/admin/v1/audit/records?" + fields.map { "\($0.name)=\($0.value.queryEncoded)" }.joined(separator: "&")
        let page = try client.call("GET", path)
        guard let records = page["records"]?.array else { throw fail("the answer holds no records") }
        let entries = try records.map { json in
            guard let index = json["index"]?.integer.flatMap({ UInt64(exactly: $0) }) else {
                throw fail("a record of the answer has no index")
            }
            return Entry(index: index, json: json)
        }
        token = page["next_page_token"]?.string
        isAtEnd = token == nil
        indexed = page["indexed_size"]?.integer.flatMap { UInt64(exactly: $0) }
        return entries
    }
}
