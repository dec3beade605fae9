// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Limits

/// What a step of the road hands on to be sealed and sent.
struct Reply: Sendable {
    var status: Int
    var contentType: StaticString
    var body: [UInt8]
    /// Set when the reply says no; its code goes into the record.
    var refusal: Refusal?
    /// Fields of this reply alone: `Allow`, `WWW-Authenticate`, `Location`.
    var fields: [Field] = []
    /// Policies that a limit's refusal names.
    var violatedPolicies: [String] = []
    /// Whether the body's memory is the loop's, to be used again.
    var isReusable = false
    /// Whether the same path will answer the same for ever.
    var isImmutable = false
    /// What an admin's request did, for its record.
    var change: AdminChange?

    struct Field: Sendable {
        let field: ResponseField
        let value: String

        init(_ field: ResponseField, _ value: String) {
            self.field = field
            self.value = value
        }
    }

    /// A 200 of JSON.
    static func json(_ body: [UInt8], status: Int = 200) -> Reply {
        Reply(status: status, contentType: "application/json", body: body)
    }

    static func json(_ value: JSON, status: Int = 200) -> Reply {
        var writer = JSONWriter()
        writer.value(value)
        return .json(writer.bytes, status: status)
    }

    /// The body is made when the request's id is known: see ``ProblemDocument``.
    static func refused(_ refusal: Refusal, fields: [Field] = []) -> Reply {
        Reply(
            status: refusal.code.status,
            contentType: "application/problem+json",
            body: [],
            refusal: refusal,
            fields: fields
        )
    }
}

/// A change by an admin: what it touched, and how that looked before and after, secrets excluded.
struct AdminChange: Sendable {
    /// `tenant/acme`.
    var target: String
    var before: JSON?
    var after: JSON?
}
