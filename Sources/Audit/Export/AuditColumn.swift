// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// A column of exported records.
public struct AuditColumn: Hashable, Sendable {
    /// What its cells hold.
    public enum Kind: Hashable, Sendable {
        case text, integer
        /// Microseconds since 1970 where they are numbers.
        case time
    }

    /// As in the header: the member's name, or its path with `_` between the names.
    public let name: String
    /// What its cells hold.
    public let kind: Kind
    private let path: [String]

    private init(_ path: String..., kind: Kind = .text) {
        name = path.joined(separator: "_")
        self.kind = kind
        self.path = path
    }

    /// The record's place in the log.
    public static let index = AuditColumn("index", kind: .integer)

    /// The index, then every member of a record that is a single value, in the order of a review: when, who, what, how
    /// it ended, from where, how much. `limits` and `change` are lists and trees: NDJSON has them.
    public static let all: [AuditColumn] = [
        .index, .init("time", kind: .time), .init("tenant"), .init("key_id"), .init("subject"), .init("client_id"),
        .init("issuer"), .init("token_id"), .init("auth"), .init("role"), .init("scope"), .init("plan"),
        .init("action"), .init("target"), .init("method"), .init("route"), .init("model"),
        .init("model_version", kind: .integer), .init("model_digest"), .init("decision"),
        .init("status", kind: .integer), .init("reason"), .init("detail"), .init("count", kind: .integer),
        .init("source", "address"), .init("source", "port", kind: .integer), .init("listener"), .init("protocol"),
        .init("tls", "version"), .init("tls", "cipher"), .init("tls", "client_sha256"),
        .init("connection", kind: .integer), .init("request_id"), .init("request_bytes", kind: .integer),
        .init("response_bytes", kind: .integer), .init("instances", kind: .integer),
        .init("charge", "requests", kind: .integer), .init("charge", "instances", kind: .integer),
        .init("queue_us", kind: .integer), .init("infer_us", kind: .integer), .init("total_us", kind: .integer),
        .init("input_sha256"), .init("output_sha256"), .init("personal_key"),
        .init("config_generation", kind: .integer), .init("gateway"),
        .init("durability"), .init("v", kind: .integer),
    ]

    /// The record's value; nil where it has none of the column's kind.
    func value(of record: JSON, at index: UInt64) -> JSON? {
        if self == .index { return .integer(Int64(clamping: index)) }
        var value: JSON? = record
        for name in path { value = value?[name] }
        switch (kind, value) {
        case (.text, .string), (.time, .string), (.integer, .integer): return value
        default: return nil
        }
    }
}
