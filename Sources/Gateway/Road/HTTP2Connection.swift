// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP
import TLS
import Transport

/// A connection that speaks HTTP/2 (RFC 9113): many requests at a time, answered as they are ready.
final class HTTP2Connection: HTTPConnection, HTTP2SessionDelegate {
    /// By the session's slots.
    private var requests: [Request] = []
    private lazy var session = HTTP2Session(limits: HTTP2Limits(loop.limits), delegate: self)
    /// Bytes of bodies that are kept, all requests together.
    private var keptBytes = 0
    private var isScheduled = false
    private var goAwaySince: Int64?
    private var begun = 0
    /// When the client was last heard or answered.
    private var idleSince = Int64.max
    /// When this connection is looked after next.
    private var deadline = Int64.max
    /// Since when one head has been coming; `.max` while none is.
    private var headSince = Int64.max
    private var headFrame: UInt64 = 0

    private struct Request {
        var stream: RequestStream?
        var http2: HTTP2Stream
        /// Bytes that came and hold the client's window.
        var held = 0
        var kept = 0
    }

    /// Of output that is taken from the session ahead of the socket.
    private static let outputAhead = 256 * 1024
    /// How long a client that was told to go has to say that it heard (RFC 9113, section 6.8), in nanoseconds.
    private static let partingNanoseconds: Int64 = 1_000_000_000

    init(_ transport: Connection, loop: LoopContext, listener: ListenerKind) {
        super.init(transport, loop: loop, listener: listener, version: .http2)
        idleSince = loop.now
        watchHead()
        setDeadline()
        schedule()
    }

    // MARK: - The transport's calls

    override func received(_ connection: Connection, _ bytes: UnsafeRawBufferPointer) {
        session.receive(bytes, now: loop.now)
        idleSince = loop.now
        watchHead()
        setDeadline()
        schedule()
    }

    override func peerEnded(_ connection: Connection) {
        // Without the client's WINDOW_UPDATEs long answers would wait for ever.
        connection.close()
    }

    override func outputDrained(_ connection: Connection) { schedule() }

    override func deadlinePassed(_ connection: Connection) {
        deadline = .max
        if isHeadLate {
            session.giveUpHead()
        } else if isIdleTooLong {
            session.goAway()
        }
        if session.isGoingAway, session.activeStreams == 0 || isParted { session.finishGoAway() }
        session.resetStalled(since: loop.now - Int64(loop.limits.writeSeconds) * 1_000_000_000)
        setDeadline()
        schedule()
    }

    override func finishDraining() {
        session.goAway()
        goAwaySince = loop.now
        setDeadline()
        schedule()
    }

    override func abandonStreams() { session.abandon() }

    private var isParted: Bool { goAwaySince.map { loop.now - $0 >= Self.partingNanoseconds } ?? false }

    /// While requests are under way, or the client is to go, it is looked after every second.
    ///
    /// What the client sends puts no look off but that for idleness.
    private func setDeadline() {
        var next = idleDeadline
        if session.activeStreams > 0 || session.isGoingAway {
            let second = loop.now + 1_000_000_000
            next = deadline > loop.now ? min(deadline, second) : second
        }
        if headSince != .max { next = min(next, headDeadline) }
        guard next != deadline else { return }
        deadline = next
        transport?.setDeadline(next)
    }

    private var idleDeadline: Int64 { idleSince + Int64(loop.limits.idleSeconds) * 1_000_000_000 }
    private var isIdleTooLong: Bool { session.activeStreams == 0 && loop.now >= idleDeadline }
    private var headDeadline: Int64 { headSince + Int64(loop.limits.headerSeconds) * 1_000_000_000 }
    private var isHeadLate: Bool { headSince != .max && loop.now >= headDeadline }

    /// A head's time runs from its first byte: those that follow win it none.
    private func watchHead() {
        if !session.isInHead {
            headSince = .max
        } else if headSince == .max || session.frames != headFrame {
            headSince = loop.now
            headFrame = session.frames
        }
    }

    // MARK: - What the session received

    func request(
        _ session: HTTP2Session,
        _ stream: HTTP2Stream,
        _ head: RequestHead,
        _ bytes: UnsafeRawBufferPointer
    ) {
        begin(stream).receive(head, in: bytes)
    }

    func data(_ session: HTTP2Session, _ stream: HTTP2Stream, _ bytes: UnsafeRawBufferPointer) {
        guard let request = requests[stream.slot].stream else { return session.consumed(stream, bytes.count) }
        requests[stream.slot].held += bytes.count
        let before = request.keptBytes
        request.receive(body: bytes)
        keep(stream.slot, request.keptBytes - before)
        // An answer may have ended the request meanwhile.
        guard let request = requests[stream.slot].stream else { return }
        if request.exchange.isAdmitted || request.input != .body { release(stream.slot) }
    }

    func end(_ session: HTTP2Session, _ stream: HTTP2Stream) {
        requests[stream.slot].stream?.receiveEnd()
        releaseAll()
    }

    func malformed(_ session: HTTP2Session, _ stream: HTTP2Stream, _ fault: HTTPFault) {
        let request = stream.slot < requests.count ? requests[stream.slot].stream : nil
        (request ?? begin(stream)).cut(Refusal(fault))
    }

    func answered(_ session: HTTP2Session, _ stream: HTTP2Stream) {}

    func reset(_ session: HTTP2Session, _ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
        guard let request = requests[stream.slot].stream, request.http2 == stream else { return }
        if request.input == .body {
            request.cut(Refusal(.clientClosed, "The client took the request back before it was complete."))
        } else {
            request.abandon()
        }
    }

    func refused(_ session: HTTP2Session, _ code: HTTP2ErrorCode) {
        loop.meters.streamRefused(listener)
    }

    private func begin(_ stream: HTTP2Stream) -> RequestStream {
        while requests.count <= stream.slot { requests.append(Request(http2: stream)) }
        let request = loop.takeStream()
        requests[stream.slot] = Request(stream: request, http2: stream)
        request.begin(on: self, stream)
        begun += 1
        if begun >= loop.limits.maxRequestsPerConnection, goAwaySince == nil { finishDraining() }
        return request
    }

    // MARK: - Back-pressure

    /// Of the bodies together as much is kept as of one alone over HTTP/1.1; more waits at the client.
    private func keep(_ slot: Int, _ bytes: Int) {
        requests[slot].kept += bytes
        keptBytes += bytes
    }

    private func release(_ slot: Int) {
        guard requests[slot].held > 0 else { return }
        guard keptBytes <= loop.limits.maxBodyBytes || isOldest(slot) else {
            return session.heldBack(requests[slot].http2, requests[slot].held)
        }
        session.consumed(requests[slot].http2, requests[slot].held)
        requests[slot].held = 0
    }

    /// One body can always come to its end, or several that are half here would wait for each other's.
    private func isOldest(_ slot: Int) -> Bool {
        let id = requests[slot].http2.id
        return !requests.contains { other in
            other.http2.id < id && other.stream?.input == .body && other.stream?.exchange.isAdmitted == true
        }
    }

    private func releaseAll() {
        for slot in requests.indices where requests[slot].held > 0 {
            guard let request = requests[slot].stream else { continue }
            if request.exchange.isAdmitted || request.input != .body { release(slot) }
        }
    }

    override func bodyIsWanted(_ stream: RequestStream) {
        guard let http2 = stream.http2 else { return }
        release(http2.slot)
        schedule()
    }

    override func bodyIsUnwanted(_ stream: RequestStream) { bodyIsWanted(stream) }

    // MARK: - Answers

    override func sendContinue(_ stream: RequestStream) {
        guard let http2 = stream.http2 else { return }
        session.sendContinue(http2)
        schedule()
    }

    override func respond(
        _ stream: RequestStream,
        _ reply: borrowing Reply,
        receipt: Receipt?,
        like last: LastRequest?
    ) {
        guard let http2 = stream.http2 else { return }
        loop.fields.begin()
        loop.fields.field(date: loop.date)
        loop.fields.standing(reply, limits: stream.exchange.limits)
        loop.fields.varying(reply, of: stream, receipt: receipt, isPrivate: listener == .management)
        if reply.body.count <= 16 * 1024 {
            reply.body.withUnsafeBytes {
                _ = session.respond(http2, status: reply.status, fields: loop.fields, body: $0)
            }
        } else {
            session.respond(
                http2,
                status: reply.status,
                fields: loop.fields,
                holding: reply.body,
                reply.body.indices
            )
        }
        schedule()
    }

    override func answered(_ stream: RequestStream) {
        guard let http2 = stream.http2 else { return }
        idleSince = loop.now
        keptBytes -= requests[http2.slot].kept
        requests[http2.slot] = Request(http2: http2)
        stream.end()
        releaseAll()
    }

    // MARK: - Output

    private func schedule() {
        guard !isScheduled else { return }
        isScheduled = true
        loop.send(self)
    }

    /// At the end of the turn: hands over what the session has to say, as far as the socket may take it.
    func send() {
        isScheduled = false
        guard let transport else { return }
        var taken = 1
        while taken > 0, transport.pendingOutput < Self.outputAhead {
            taken = session.takeOutput(limit: 64 * 1024, now: loop.now) { bytes in
                transport.write { $0.append(bytes) }
            }
        }
        guard session.isFinished else { return }
        if let reason = session.endReason { loop.meters.sessionEnded(listener, reason) }
        transport.close()
    }
}

extension HTTP2Limits {
    init(_ configuration: Configuration.HTTP) {
        self.init()
        maxConcurrentStreams = configuration.maxStreams
        headBytes = configuration.maxHeaderBytes
        fieldCount = configuration.maxHeaderCount
    }
}

extension HTTP1Limits {
    init(_ configuration: Configuration.HTTP) {
        self.init()
        headBytes = configuration.maxHeaderBytes
        fieldCount = configuration.maxHeaderCount
        targetBytes = min(targetBytes, configuration.maxHeaderBytes)
    }
}
