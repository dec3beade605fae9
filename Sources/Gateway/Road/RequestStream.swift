// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import HTTP
import Limits
import TLS

/// Carries one request at a time from its head to its sealed answer, whatever protocol brought it.
///
/// Streams are the event loop's and are used again: an HTTP/1.1 connection borrows one while a request is under way, an
/// HTTP/2 connection one for each of its streams. What a request means is decided in `FrontDoor`.
final class RequestStream {
    /// How far the request has been read.
    enum Input {
        /// The head is through; its body is kept for the road.
        case body
        /// The answer does not need the rest of the body; it is read so that the client hears the answer.
        case skipping
        /// All of the request is here.
        case complete
    }

    // The loop owns its streams, and outlives them.
    let loop: LoopContext
    private let slot: Int
    /// Who brought the request; nil between two requests.
    private(set) var connection: HTTPConnection?
    /// The stream of an HTTP/2 connection; nil over HTTP/1.1.
    private(set) var http2: HTTP2Stream?
    var exchange = Exchange()
    private(set) var input = Input.complete
    /// What has come of the body, where it did not come whole.
    private var body = ByteQueue()
    /// Set between the answer and the end of the request's body, where that comes later.
    private(set) var isAnswered = false
    /// Of the monotonic clock: when the request has taken too long.
    private var deadline = Int64.max

    init(loop: LoopContext, slot: Int) {
        self.loop = loop
        self.slot = slot
    }

    var services: Services { loop.services }
    var ticket: Ticket { Ticket(slot: slot, serial: exchange.serial) }
    var listener: ListenerKind {
        guard let connection else { preconditionFailure("a stream without a request has no listener") }
        return connection.listener
    }
    /// There is a request without an answer yet.
    var isOpen: Bool { connection != nil && exchange.reply == nil && !isAnswered }

    // MARK: - The request

    /// A request has begun.
    func begin(on connection: HTTPConnection, _ http2: HTTP2Stream? = nil) {
        self.connection = connection
        self.http2 = http2
        // As exact as the record says it, so that replaying the log charges the limits as they were charged.
        let time = UnixTime(nanoseconds: services.time.now().nanoseconds / 1000 * 1000)
        exchange.serial = loop.nextSerial()
        exchange.id = loop.nextID(at: time)
        exchange.arrival = time
        exchange.startedAt = services.time.monotonic()
        exchange.version = connection.version
        input = .body
        isAnswered = false
        loop.meters.began(connection.listener)
    }

    /// The head is here, framed and checked; `bytes` are what it was read from.
    func receive(_ head: RequestHead, in bytes: UnsafeRawBufferPointer) {
        exchange.method = head.method
        exchange.version = head.version
        exchange.contentLength = head.contentLength
        exchange.isChunked = head.isChunked
        exchange.expectsContinue = head.expectsContinue
        exchange.closes = !head.keepsAlive
        deadline = exchange.startedAt + Int64(loop.limits.bodySeconds) * 1_000_000_000
        enter(head, in: bytes)
    }

    /// A part of the body.
    func receive(body bytes: UnsafeRawBufferPointer) {
        exchange.requestBytes += bytes.count
        switch input {
        case .body:
            let limit = bodyLimit
            if exchange.requestBytes > limit {
                refuseBody(limit: limit)
            } else {
                body.append(bytes)
            }
        case .skipping:
            if exchange.requestBytes > loop.limits.maxBodyBytes { exchange.closes = true }
        case .complete:
            preconditionFailure("a body behind the end of its request")
        }
    }

    /// The body came in one piece with the end behind it: it is used where it lies.
    func receive(wholeBody bytes: UnsafeRawBufferPointer) {
        guard input == .body, exchange.isAdmitted, body.isEmpty, bytes.count <= bodyLimit else {
            receive(body: bytes)
            return receiveEnd()
        }
        exchange.requestBytes = bytes.count
        input = .complete
        deadline = requestDeadline
        perform(bytes)
    }

    /// The request is whole.
    func receiveEnd() {
        let wasBody = input == .body
        input = .complete
        deadline = requestDeadline
        // A token may still be with its verifier; the request goes on when it is back.
        if wasBody, exchange.isAdmitted { performKept() }
    }

    /// Nothing more comes of the request: the client broke its form, its time or its connection.
    func cut(_ refusal: Refusal) {
        exchange.closes = true
        input = .complete
        guard isOpen else { return }
        giveUp(refusal.code)
        refuse(refusal)
    }

    /// Goes on with the body that was kept.
    func performKept() {
        // Taken out first: whatever the road does with its stream meanwhile, these bytes stay.
        var kept = ByteQueue()
        swap(&kept, &body)
        kept.withUnsafeReadableBytes { perform($0) }
    }

    /// Bytes of the body that wait for the rest of it.
    var keptBytes: Int { body.count }

    /// The most bytes that the body of this request may have.
    var bodyLimit: Int {
        min(exchange.route?.maxBodyBytes ?? .max, loop.limits.maxBodyBytes)
    }

    func refuseBody(limit: Int) {
        refuse(Refusal(.bodyTooLarge, "The body is over the limit of \(limit) bytes; send fewer instances at a time."))
    }

    /// Tells a client that waits for leave to send its body that it may.
    func sendContinue() {
        guard exchange.expectsContinue, input == .body, exchange.requestBytes == 0, exchange.version != .http10 else {
            return
        }
        connection?.sendContinue(self)
    }

    // MARK: - The answer

    /// Hands the answer over to be sealed; the rest of a body still to come is skipped.
    func reply(_ reply: consuming Reply) {
        precondition(isOpen, "an exchange is answered once")
        if let refusal = reply.refusal {
            complete(&reply, refusal)
            refund()
        }
        body.release()
        deadline = .max
        loop.seal(self, reply)
        exchange.reply = reply
        if input == .body {
            input = .skipping
            connection?.bodyIsUnwanted(self)
        }
    }

    func refuse(_ refusal: Refusal, fields: [Reply.Field] = []) {
        reply(.refused(refusal, fields: fields))
    }

    /// Who gets nothing pays nothing.
    private func refund() {
        guard let admission = exchange.admission else { return }
        let now = services.time.now()
        admission.refund(now: now)
        exchange.admission = nil
        exchange.limits = exchange.tenant?.account.state(now: now)
    }

    private func complete(_ reply: inout Reply, _ refusal: Refusal) {
        if exchange.route?.isOAuth == true {
            reply.status = OAuthError.status(of: refusal.code)
            reply.contentType = "application/json"
            reply.body = OAuthError.write(refusal, requestID: exchange.id)
        } else {
            reply.body = ProblemDocument.write(
                refusal,
                requestID: exchange.id,
                violatedPolicies: reply.violatedPolicies
            )
        }
    }

    /// The record is durable, or could not be written (`receipt` is nil): now, and not before, the answer leaves.
    func sealed(_ receipt: Receipt?) {
        guard var reply = exchange.reply.take(), let connection else {
            preconditionFailure("a receipt without an answer")
        }
        isAnswered = true
        if receipt == nil {
            // What no record charges costs nothing.
            refund()
            if !loop.leavesUnrecorded(self, reply) {
                let refusal = Refusal(
                    .auditUnavailable,
                    "The audit log cannot be written, so nothing can be answered now. Try again later.",
                    retryAfter: 5
                )
                reply = .refused(refusal)
                complete(&reply, refusal)
            }
        }
        exchange.admission?.settle()
        exchange.admission = nil
        let last = reply.status == 200 && reply.isPlain ? exchange.last : nil
        loop.meters.answered(self, reply, like: last)
        connection.respond(self, reply, receipt: receipt, like: last)
        loop.reuse(&reply)
        connection.answered(self)
    }

    /// The stream is free for another request.
    func end() {
        connection = nil
        exchange = Exchange()
        body.release()
        deadline = .max
        loop.giveBack(self, slot: slot)
    }

    // MARK: - Time

    private var requestDeadline: Int64 {
        min(exchange.deadline, exchange.startedAt + Int64(loop.limits.requestSeconds) * 1_000_000_000)
    }

    /// The whole request said how long its client waits.
    func deadlineChanged() {
        if input == .complete { deadline = requestDeadline }
    }

    /// Refuses what is late or too slow; called about once a second.
    func checkTime(_ now: Int64) {
        guard isOpen else { return }
        if now > deadline {
            if input == .body {
                cut(Refusal(.requestTimeout, "The request's body did not arrive in time."))
            } else {
                expire(now)
            }
        } else if input == .body, exchange.isAdmitted, isSlow(now) {
            cut(
                Refusal(
                    .bodyTooSlow,
                    "The body came slower than \(loop.limits.minBodyBytesPerSecond) bytes a second."
                )
            )
        }
    }

    /// The first seconds are given: a round trip and a slow start are no attack.
    private static let grace: Int64 = 5_000_000_000

    private func isSlow(_ now: Int64) -> Bool {
        let elapsed = now - exchange.startedAt - Self.grace
        guard elapsed > 0 else { return false }
        return Double(exchange.requestBytes) < Double(loop.limits.minBodyBytesPerSecond) * Double(elapsed) / 1e9
    }
}

@available(*, unavailable)
extension RequestStream: Sendable {}
