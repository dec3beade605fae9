// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Limits

/// What a step of the road hands on to be sealed and sent.
struct Reply: Sendable {
    var status: Int
    var contentType: StaticString
    var body: [UInt8]
    /// Whether the body's memory is the loop's, to be used again.
    var isReusable = false
    private var rare: Rare?

    /// What few replies have, kept apart so that the others are small.
    private struct Details: Sendable {
        var refusal: Refusal?
        var fields: [Field] = []
        var violatedPolicies: [String] = []
        var change: AdminChange?
        var isImmutable = false
    }

    private indirect enum Rare: Sendable { case details(Details) }

    private var details: Details {
        get {
            guard case .details(let details) = rare else { return Details() }
            return details
        }
        set { rare = .details(newValue) }
    }

    init(status: Int, contentType: StaticString, body: [UInt8]) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }

    /// Whether there is nothing but a status and a body, as in the answers of most requests.
    var isPlain: Bool { rare == nil }

    /// Set when the reply says no; its code goes into the record.
    var refusal: Refusal? {
        get { rare == nil ? nil : details.refusal }
        set { details.refusal = newValue }
    }

    /// Fields of this reply alone: `Allow`, `WWW-Authenticate`, `Location`.
    var fields: [Field] {
        get { rare == nil ? [] : details.fields }
        set { details.fields = newValue }
    }

    /// Policies that a limit's refusal names.
    var violatedPolicies: [String] {
        get { rare == nil ? [] : details.violatedPolicies }
        set { details.violatedPolicies = newValue }
    }

    /// Whether the same path will answer the same for ever.
    var isImmutable: Bool {
        get { rare == nil ? false : details.isImmutable }
        set { details.isImmutable = newValue }
    }

    /// What an admin's request did, for its record.
    var change: AdminChange? {
        get { rare == nil ? nil : details.change }
        set { details.change = newValue }
    }

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
        var reply = Reply(status: refusal.code.status, contentType: "application/problem+json", body: [])
        reply.rare = .details(Details(refusal: refusal, fields: fields))
        return reply
    }
}

/// A change by an admin: what it touched, and how that looked before and after, secrets excluded.
struct AdminChange: Sendable {
    /// `tenant/acme`.
    var target: String
    var before: JSON?
    var after: JSON?
}
