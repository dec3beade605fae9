// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP
import Limits

extension FieldSink where Self: ~Copyable {
    /// The fields that every answer has, then the reply's own; those of the connection are the protocol's.
    ///
    /// - Parameters:
    ///   - auditIndex: the record's place in the log; nil when there is no record.
    ///   - isPrivate: whether no cache may keep the answer whatever it is.
    mutating func response(_ reply: Reply, to stream: RequestStream, auditIndex: UInt64?, isPrivate: Bool) {
        let isToken = stream.exchange.route == .token
        field(.contentType, reply.contentType)
        begin(.requestID)
        append(stream.exchange.id)
        end()
        if let auditIndex { field(.auditIndex, decimal: auditIndex) }
        if let limits = stream.exchange.limits { self.limits(limits) }
        if let seconds = reply.refusal?.retryAfter { field(.retryAfter, decimal: UInt64(max(1, seconds))) }
        for index in reply.fields.indices { field(reply.fields[index].field, reply.fields[index].value) }
        if isPrivate || reply.refusal != nil || isToken { field(.cacheControl, "no-store") }
        // RFC 6749, section 5.1, asks for both.
        if isToken { field(.pragma, "no-cache") }
    }

    /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers), and the older `X-RateLimit-` triple
    /// of the policy that is nearest to its end, in delta seconds.
    private mutating func limits(_ state: LimitState) {
        guard let tightest = state.tightest else { return }
        begin(.rateLimitPolicy)
        if let rate = state.rate { policy(rate, isFirst: true) }
        if let quota = state.quota { policy(quota, isFirst: state.rate == nil) }
        if let key = state.key { policy(key, isFirst: state.rate == nil && state.quota == nil) }
        end()
        begin(.rateLimit)
        if let rate = state.rate { remaining(rate, isFirst: true) }
        if let quota = state.quota { remaining(quota, isFirst: state.rate == nil) }
        if let key = state.key { remaining(key, isFirst: state.rate == nil && state.quota == nil) }
        end()
        field(.limit, decimal: UInt64(tightest.limit))
        field(.remaining, decimal: UInt64(tightest.remaining))
        field(.reset, decimal: UInt64(tightest.resetSeconds))
    }

    private mutating func name(_ policy: PolicyState, isFirst: Bool) {
        if isFirst { append("\"") } else { append(", \"") }
        append(policy.label)
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
