// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import HTTP
import Limits

extension FieldSink where Self: ~Copyable {
    /// The fields that are the same for all answers of a kind: what the reply is, and the policies that the caller is
    /// under, `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-11, section 3).
    mutating func standing(_ reply: borrowing Reply, limits: LimitState?) {
        field(.contentType, reply.contentType)
        guard let limits, limits.tightest != nil else { return }
        begin(.rateLimitPolicy)
        var isFirst = true
        limits.forEach { policy($0, isFirst: &isFirst) }
        end()
    }

    /// The fields that differ from answer to answer, then the reply's own; those of the connection are the protocol's.
    ///
    /// - Parameters:
    ///   - receipt: of the record in the log; nil when there is none.
    ///   - isPrivate: whether no cache may keep the answer whatever it is.
    mutating func varying(_ reply: borrowing Reply, of stream: RequestStream, receipt: Receipt?, isPrivate: Bool) {
        begin(.requestID)
        append(stream.exchange.id)
        end()
        if let receipt {
            field(.auditIndex, decimal: receipt.index)
            if let leaf = receipt.leaf { field(.auditLeaf, leaf) }
        }
        if let limits = stream.exchange.limits { self.limits(limits) }
        let isOAuth = stream.exchange.route?.isOAuth == true
        if !reply.isPlain {
            if let seconds = reply.refusal?.retryAfter { field(.retryAfter, decimal: UInt64(max(1, seconds))) }
            for own in reply.fields { field(own.field, text: own.value) }
        }
        if reply.isImmutable {
            field(.cacheControl, "private, max-age=31536000, immutable")
        } else if isPrivate || isOAuth || reply.refusal != nil {
            field(.cacheControl, "no-store")
        }
        // RFC 6749, section 5.1, asks for both.
        if isOAuth { field(.pragma, "no-cache") }
    }

    /// `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11, section 4), and the older `X-RateLimit-` triple of the policy
    /// that is nearest to its end, in delta seconds.
    private mutating func limits(_ state: LimitState) {
        guard let tightest = state.tightest else { return }
        begin(.rateLimit)
        var isFirst = true
        state.forEach { remaining($0, isFirst: &isFirst) }
        end()
        field(.limit, decimal: UInt64(tightest.limit))
        field(.remaining, decimal: UInt64(tightest.remaining))
        field(.reset, decimal: UInt64(tightest.resetSeconds))
    }

    private mutating func name(_ policy: PolicyState, isFirst: inout Bool) {
        if isFirst { append("\"") } else { append(", \"") }
        isFirst = false
        append(policy.label)
    }

    private mutating func policy(_ policy: PolicyState, isFirst: inout Bool) {
        name(policy, isFirst: &isFirst)
        append("\";q=")
        append(decimal: UInt64(policy.limit))
        append(";w=")
        append(decimal: UInt64(policy.windowSeconds))
    }

    private mutating func remaining(_ policy: PolicyState, isFirst: inout Bool) {
        name(policy, isFirst: &isFirst)
        append("\";r=")
        append(decimal: UInt64(policy.remaining))
        append(";t=")
        append(decimal: UInt64(policy.resetSeconds))
    }
}

extension HTTP1ResponseWriter {
    /// The head's first lines, as far as they are the same for all answers of a kind.
    mutating func standingHead(_ reply: borrowing Reply, limits: LimitState?) -> [UInt8] {
        begin(reply.status)
        standing(reply, limits: limits)
        return withHead { Array($0) }
    }
}
