// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Limits
import NIOCore

extension ResponseHead {
    /// Writes a whole response: the fields that every answer has, the reply's own, and the body unless HEAD was asked.
    ///
    /// - Parameters:
    ///   - auditIndex: the record's place in the log; nil when there is no record.
    ///   - isPrivate: whether no cache may keep the answer whatever it is.
    static func response(
        _ reply: Reply,
        to exchange: Exchange,
        auditIndex: UInt64?,
        date: String,
        isPrivate: Bool,
        into buffer: ByteBuffer
    ) -> ByteBuffer {
        var head = ResponseHead(status: reply.status, into: buffer)
        head.field("Date", date)
        head.field("Content-Type", reply.contentType)
        head.field("Content-Length", decimal: UInt64(reply.body.count))
        head.field("X-Request-Id", exchange.id.description)
        if let auditIndex { head.field("Audit-Index", decimal: auditIndex) }
        if let limits = exchange.limits { head.limits(limits) }
        if let seconds = reply.refusal?.retryAfter { head.field("Retry-After", decimal: UInt64(max(1, seconds))) }
        for field in reply.fields { head.field(field.name, field.value) }
        if isPrivate || reply.refusal != nil || exchange.route == .token { head.field("Cache-Control", "no-store") }
        // RFC 6749, section 5.1, asks for both.
        if exchange.route == .token { head.field("Pragma", "no-cache") }
        if exchange.closes {
            head.field("Connection", "close")
        } else if exchange.head?.isHTTP10 == true {
            head.field("Connection", "keep-alive")
        }
        var response = head.finish()
        if exchange.method != .head { response.writeBytes(reply.body) }
        return response
    }
}
