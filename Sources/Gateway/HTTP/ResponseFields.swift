// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP
import Limits

/// Takes the fields of a response, one after the other; each protocol writes them in its own form.
protocol FieldSink {
    mutating func begin(_ name: StaticString)
    mutating func append(_ text: StaticString)
    /// - Parameter text: may come from a client; what cannot stand in a field is dropped.
    mutating func append(_ text: String)
    mutating func append(decimal value: UInt64)
    mutating func append(_ id: RequestID)
    mutating func end()
}

extension FieldSink {
    mutating func field(_ name: StaticString, _ value: StaticString) {
        begin(name)
        append(value)
        end()
    }

    mutating func field(_ name: StaticString, _ value: String) {
        begin(name)
        append(value)
        end()
    }

    mutating func field(_ name: StaticString, decimal value: UInt64) {
        begin(name)
        append(decimal: value)
        end()
    }

    /// The fields that every answer has, then the reply's own; those of the connection are the protocol's.
    ///
    /// - Parameters:
    ///   - auditIndex: the record's place in the log; nil when there is no record.
    ///   - isPrivate: whether no cache may keep the answer whatever it is.
    mutating func response(_ reply: Reply, to exchange: Exchange, auditIndex: UInt64?, isPrivate: Bool) {
        field("Content-Type", reply.contentType)
        field("Content-Length", decimal: UInt64(reply.body.count))
        begin("X-Request-Id")
        append(exchange.id)
        end()
        if let auditIndex { field("Audit-Index", decimal: auditIndex) }
        if let limits = exchange.limits { self.limits(limits) }
        if let seconds = reply.refusal?.retryAfter { field("Retry-After", decimal: UInt64(max(1, seconds))) }
        for index in reply.fields.indices { field(reply.fields[index].name, reply.fields[index].value) }
        if isPrivate || reply.refusal != nil || exchange.route == .token { field("Cache-Control", "no-store") }
        // RFC 6749, section 5.1, asks for both.
        if exchange.route == .token { field("Pragma", "no-cache") }
    }

    /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers), and the older `X-RateLimit-` triple
    /// of the policy that is nearest to its end, in delta seconds.
    private mutating func limits(_ state: LimitState) {
        guard let tightest = state.tightest else { return }
        begin("RateLimit-Policy")
        if let rate = state.rate { policy(rate, isFirst: true) }
        if let quota = state.quota { policy(quota, isFirst: state.rate == nil) }
        end()
        begin("RateLimit")
        if let rate = state.rate { remaining(rate, isFirst: true) }
        if let quota = state.quota { remaining(quota, isFirst: state.rate == nil) }
        end()
        field("X-RateLimit-Limit", decimal: UInt64(tightest.limit))
        field("X-RateLimit-Remaining", decimal: UInt64(tightest.remaining))
        field("X-RateLimit-Reset", decimal: UInt64(tightest.resetSeconds))
    }

    private mutating func name(_ policy: PolicyState, isFirst: Bool) {
        append(isFirst ? "\"" : ", \"")
        append(policy.name)
        append("\"")
    }

    private mutating func policy(_ policy: PolicyState, isFirst: Bool) {
        name(policy, isFirst: isFirst)
        append(";q=")
        append(decimal: UInt64(policy.limit))
        append(";w=")
        append(decimal: UInt64(policy.windowSeconds))
    }

    private mutating func remaining(_ policy: PolicyState, isFirst: Bool) {
        name(policy, isFirst: isFirst)
        append(";r=")
        append(decimal: UInt64(policy.remaining))
        append(";t=")
        append(decimal: UInt64(policy.resetSeconds))
    }
}
