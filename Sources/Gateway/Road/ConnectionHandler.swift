// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Identity
import Limits
import NIOCore
import NIOHTTP1
import NIOOpenSSL

/// Carries one connection's requests to the front door and the answers back, one exchange at a time, in order.
///
/// This is the mechanics of HTTP/1.1: framing, keep-alive, 100-continue, pipelining, deadlines. What a request means is
/// decided in `FrontDoor`.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    /// How far the current request has been read.
    private enum Input {
        /// No request has begun.
        case idle
        /// The head is through; its body is kept for the road.
        case body
        /// The answer does not need the rest of the body; it is read so that the client hears the answer.
        case skipping
        /// All of the request is here.
        case complete
    }

    let loop: LoopContext
    let listener: ListenerKind
    let connectionID: UInt64
    /// The client's address and port, as text and number.
    private(set) var source: (address: String, port: Int) = ("", 0)
    private(set) var tls: TLSHandshakeCompleted?
    var exchange = Exchange()

    private var context: ChannelHandlerContext?
    private var slot = -1
    private var input = Input.idle
    private var isBusy: Bool { exchange.serial != 0 }
    /// There is a request without an answer yet.
    var isOpen: Bool { isBusy && exchange.reply == nil && !answered }
    private var queued = CircularBuffer<HTTPServerRequestPart>()
    private var holdsRead = false
    private var isReadingHead = false
    private var isDraining = false
    private var peerIsGone = false
    /// Of the monotonic clock; when it passes, the connection is told or closed.
    private var deadline: Int64

    init(loop: LoopContext, listener: ListenerKind, connectionID: UInt64) {
        self.loop = loop
        self.listener = listener
        self.connectionID = connectionID
        deadline = .max
    }

    var ticket: Ticket { Ticket(slot: slot, serial: exchange.serial) }
    var services: Services { loop.services }

    // MARK: - The channel's life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        slot = loop.add(self)
        if let address = context.remoteAddress {
            source = (address.ipAddress ?? "", address.port ?? 0)
        }
        isDraining = services.life.isDraining
        setDeadline(seconds: services.configuration.http.headerSeconds + services.configuration.http.handshakeSeconds)
        loop.meters.opened(listener)
        if isDraining { context.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        if !isBusy { leave() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        peerIsGone = true
        queued.removeAll()
        if isOpen, input == .body {
            input = .complete
            refuse(Refusal(.clientClosed, "The client closed the connection before the request was complete."))
        }
        // An answered request whose body was still being skipped ends here.
        endIfAnswered()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let completed = event as? TLSHandshakeCompleted {
            tls = completed
            loop.meters.handshake(listener, completed)
            setDeadline(seconds: services.configuration.http.headerSeconds)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case let error as HTTPParserError:
            malformed(error)
        case is TLSError:
            loop.meters.handshakeFailed(listener)
            context.close(promise: nil)
        default:
            context.close(promise: nil)
        }
    }

    /// The decoder has given up: what comes behind the fault is read as nothing, least of all as another request.
    private func malformed(_ error: HTTPParserError) {
        // The connection ended within a request: that is no fault of form, and `channelInactive` follows.
        guard !peerIsGone, error != .invalidEOFState else { return }
        if !isBusy { begin() }
        exchange.closes = true
        // A fault behind a whole request is not that request's: it is answered, then the connection ends.
        if isOpen, input == .complete { return }
        input = .complete
        guard isOpen else { return endIfAnswered() }
        refuse(Refusal(decoder: error))
    }

    func read(context: ChannelHandlerContext) {
        // While an answer is due nothing more is read: a client that pipelines without end is held by TCP.
        // Nor is much of a body read before its sender may send it.
        if isBusy && input == .complete
            || input == .body && !exchange.isAdmitted && exchange.body.readableBytes > 65_536
        {
            holdsRead = true
        } else {
            context.read()
        }
    }

    // MARK: - Requests

    /// Bytes came while no request was under way: from here its head has its time.
    func headBegan() {
        guard !isBusy, tls != nil, !isReadingHead else { return }
        isReadingHead = true
        setDeadline(seconds: services.configuration.http.headerSeconds)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = ConnectionHandler.unwrapInboundIn(data)
        if isBusy && input == .complete { queued.append(part) } else { receive(part) }
    }

    private func receive(_ part: HTTPServerRequestPart) {
        switch part {
        case .head(let head):
            begin()
            switch RequestHead.checked(head, configuration: services.configuration.http) {
            case .success(let head):
                exchange.head = head
                exchange.method = head.method
                exchange.closes = !head.keepsAlive || isDraining
                input = .body
                setDeadline(seconds: services.configuration.http.bodySeconds)
                enter()
            case .failure(let refusal):
                exchange.method = RequestHead.Method(rawValue: head.method.rawValue) ?? .other
                exchange.closes = true
                input = .skipping
                refuse(refusal)
            }
        case .body(var bytes):
            exchange.requestBytes += bytes.readableBytes
            switch input {
            case .body:
                let limit = bodyLimit
                if exchange.requestBytes > limit {
                    refuseBody(limit: limit)
                } else {
                    exchange.body.writeBuffer(&bytes)
                }
            case .skipping:
                if exchange.requestBytes > services.configuration.http.maxBodyBytes { exchange.closes = true }
            case .idle, .complete:
                preconditionFailure("a body without a request: the decoder sends the head first")
            }
        case .end(let trailers):
            let wasBody = input == .body
            input = .complete
            deadline = .max
            if wasBody, trailers?.isEmpty == false {
                refuse(Refusal(.requestMalformed, "Trailer fields are not accepted here."))
            } else if wasBody {
                bodyArrived()
            } else {
                endIfAnswered()
            }
        }
    }

    private func begin() {
        // As exact as the record says it, so that replaying the log charges the limits as they were charged.
        let time = UnixTime(nanoseconds: services.time.now().nanoseconds / 1000 * 1000)
        isReadingHead = false
        exchange = Exchange()
        exchange.serial = loop.nextSerial()
        exchange.id = loop.nextID(at: time)
        exchange.arrival = time
        exchange.startedAt = services.time.monotonic()
        loop.meters.began(listener)
    }

    /// The most bytes that the body of this request may have.
    var bodyLimit: Int {
        min(exchange.route?.maxBodyBytes ?? .max, services.configuration.http.maxBodyBytes)
    }

    func refuseBody(limit: Int) {
        refuse(Refusal(.bodyTooLarge, "The body is over the limit of \(limit) bytes; send fewer instances at a time."))
    }

    /// Tells a client that waits for leave to send its body that it may.
    func sendContinue() {
        guard let context, exchange.head?.expectsContinue == true, input == .body, exchange.requestBytes == 0,
            exchange.head?.isHTTP10 == false
        else {
            return
        }
        var buffer = context.channel.allocator.buffer(capacity: 25)
        buffer.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
        context.writeAndFlush(ConnectionHandler.wrapOutboundOut(buffer), promise: nil)
    }

    var bodyIsComplete: Bool { input == .complete }

    // MARK: - Answers

    /// Hands the answer over to be sealed; the rest of a body still to come is skipped.
    func reply(_ reply: Reply) {
        precondition(isOpen, "an exchange is answered once")
        var reply = reply
        if let refusal = reply.refusal {
            complete(&reply, refusal)
            refund()
        }
        exchange.reply = reply
        exchange.body = ByteBuffer()
        if input == .body {
            input = .skipping
            // A body that nobody asked for is read to its end only where that is cheaper than a new connection.
            // A client that waits for leave to send its body may send none at all.
            let head = exchange.head
            if head?.isChunked == true || (head?.contentLength ?? 0) > Self.skippable
                || head?.expectsContinue == true && exchange.requestBytes == 0
            {
                exchange.closes = true
            }
            resumeReading()
        }
        loop.seal(ticket, record: AuditRecord(of: self, reply: reply).encoded())
    }

    /// Who gets nothing pays nothing.
    private func refund() {
        guard let admission = exchange.admission else { return }
        let now = services.time.now()
        admission.refund(now: now)
        exchange.admission = nil
        exchange.limits = exchange.tenant?.account.state(now: now)
    }

    func refuse(_ refusal: Refusal, fields: [Reply.Field] = []) {
        reply(.refused(refusal, fields: fields))
    }

    private func complete(_ reply: inout Reply, _ refusal: Refusal) {
        if exchange.route == .token {
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

    /// The record is durable, or could not be written: now, and not before, the answer leaves.
    func sealed(_ receipt: Sealed) {
        guard var reply = exchange.reply else { preconditionFailure("a receipt for an exchange without an answer") }
        var index: UInt64?
        switch receipt.outcome {
        case .sealed: index = receipt.index
        case .failed:
            let refusal = Refusal(
                .auditUnavailable,
                "The audit log cannot be written, so nothing can be answered now. Try again later.",
                retryAfter: 5
            )
            reply = .refused(refusal)
            complete(&reply, refusal)
            exchange.reply = reply
            refund()
        }
        exchange.admission?.settle()
        exchange.admission = nil
        write(reply, auditIndex: index)
        loop.meters.answered(self, status: reply.status, responseBytes: reply.body.count)
        exchange.reply = nil
        answered = true
        endIfAnswered()
    }

    /// Set between the answer and the end of the request's body, where that comes later.
    private var answered = false

    private func write(_ reply: Reply, auditIndex: UInt64?) {
        guard let context, !peerIsGone else { return }
        if isDraining || input != .complete { exchange.closes = true }
        let buffer = ResponseHead.response(
            reply,
            to: exchange,
            auditIndex: auditIndex,
            date: loop.dateField(at: services.time.now()),
            isPrivate: listener == .management,
            into: context.channel.allocator.buffer(capacity: 640 + reply.body.count)
        )
        context.writeAndFlush(ConnectionHandler.wrapOutboundOut(buffer), promise: nil)
    }

    // MARK: - The end of an exchange

    /// Bytes of an unwanted body that are read to keep a connection.
    private static let skippable = 256 * 1024

    private func endIfAnswered() {
        guard answered else { return }
        if input == .skipping, !peerIsGone {
            // Closing with unread bytes would reset the connection and could take the answer with it.
            setDeadline(seconds: 2)
            return
        }
        answered = false
        exchange.serial = 0
        guard let context, !peerIsGone else { return leave() }
        if exchange.closes { return context.close(promise: nil) }
        input = .idle
        setDeadline(seconds: services.configuration.http.idleSeconds)
        while !queued.isEmpty, !(isBusy && input == .complete) { receive(queued.removeFirst()) }
        resumeReading()
    }

    /// Goes on reading where that was held back and is due again.
    func resumeReading() {
        guard holdsRead, let context, !(isBusy && input == .complete) else { return }
        holdsRead = false
        context.read()
    }

    private func leave() {
        guard slot >= 0 else { return }
        loop.remove(slot: slot)
        slot = -1
        loop.meters.closed(listener)
    }

    // MARK: - Time

    private func setDeadline(seconds: Int) {
        deadline = services.time.monotonic() + Int64(seconds) * 1_000_000_000
    }

    func checkDeadline(_ now: Int64) {
        guard now > deadline, let context else { return }
        deadline = .max
        if isOpen, input == .body {
            exchange.closes = true
            refuse(Refusal(.requestTimeout, "The request's body did not arrive in time."))
        } else {
            context.close(promise: nil)
        }
    }

    func drain() {
        isDraining = true
        if !isBusy, let context { context.close(promise: nil) }
    }

    func abort() {
        context?.close(promise: nil)
    }
}

@available(*, unavailable)
extension ConnectionHandler: Sendable {}
