// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP
import TLS
import Transport

/// A connection that speaks HTTP/1.1 (RFC 9112): one request at a time, answered in order.
///
/// While an answer is due nothing more is read: a client that pipelines without end is held by TCP.
final class HTTP1Connection: HTTPConnection {
    private var parser: HTTP1Parser
    /// Received, but not a whole head yet or behind the request under way.
    private var unread = ByteQueue()
    private var stream: RequestStream?
    private var isReadingHead = false
    private var isHeld = false
    private var requests = 0
    /// Requests in what was read last that had been sent before the answer to the one before them.
    private var pipelined = 0
    private var isOver = false

    /// Bytes of a body that are kept for a request that is not admitted yet.
    private static let unadmitted = 64 * 1024
    /// Bytes of an unwanted body that are read to keep a connection.
    private static let skippable = 256 * 1024
    private static let headMethod = Array("HEAD ".utf8)

    init(_ transport: Connection, loop: LoopContext, listener: ListenerKind) {
        parser = HTTP1Parser(limits: loop.headLimits)
        super.init(transport, loop: loop, listener: listener, version: .http11)
        setDeadline(seconds: loop.limits.headerSeconds)
    }

    // MARK: - Reading

    override func received(_ connection: Connection, _ bytes: UnsafeRawBufferPointer) {
        guard !isOver else { return }
        // Reading was held while requests waited: what comes now is behind their answers.
        pipelined = 0
        guard unread.isEmpty else {
            unread.append(bytes)
            return parseUnread()
        }
        let used = parse(bytes)
        if used < bytes.count, !isOver { unread.append(UnsafeRawBufferPointer(rebasing: bytes[used...])) }
    }

    private func parseUnread() {
        // Taken out: the road may come back here while these bytes are read.
        var bytes = ByteQueue()
        swap(&bytes, &unread)
        let used = bytes.withUnsafeReadableBytes { parse($0) }
        guard !isOver, used < bytes.count else { return }
        bytes.dropFirst(used)
        swap(&bytes, &unread)
    }

    /// Whether the request under way is whole, so that what follows has to wait.
    private var isBusy: Bool { stream?.input == .complete }

    /// - Returns: how many of the bytes were used.
    private func parse(_ bytes: UnsafeRawBufferPointer) -> Int {
        var used = 0
        while !isBusy, !isOver {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            switch parser.next(rest) {
            case .needsMore(let consumed):
                used += consumed
                if stream == nil, consumed < rest.count, !isReadingHead {
                    isReadingHead = true
                    setDeadline(seconds: loop.limits.headerSeconds)
                }
                holdIfUnadmitted()
                return used
            case .head(let head, let consumed):
                used += consumed
                begin().receive(head, in: rest)
            case .body(let range, let consumed):
                used += consumed
                let part = UnsafeRawBufferPointer(rebasing: rest[range])
                guard let stream else { preconditionFailure("a body without a request") }
                if stream.input == .body, part.count == stream.exchange.contentLength {
                    // All of it in one piece: the parser has nothing to say but that this is the end.
                    _ = parser.next(UnsafeRawBufferPointer(rebasing: rest[consumed...]))
                    stream.receive(wholeBody: part)
                } else {
                    stream.receive(body: part)
                }
                if stream.exchange.closes, stream.isAnswered { finish(stream) }
            case .end(let consumed):
                used += consumed
                stream?.receiveEnd()
                if let stream, stream.isAnswered { finish(stream) }
            case .failed(let fault):
                malformed(fault, in: rest)
                return bytes.count
            }
        }
        if isBusy, used < bytes.count { hold() }
        return used
    }

    private func begin() -> RequestStream {
        let stream = loop.takeStream()
        self.stream = stream
        isReadingHead = false
        requests += 1
        transport?.setDeadline(.max)
        stream.begin(on: self)
        return stream
    }

    /// What comes behind the fault is read as nothing, least of all as another request.
    private func malformed(_ fault: HTTPFault, in bytes: UnsafeRawBufferPointer) {
        isOver = true
        unread.release()
        // A fault behind a whole request is not that request's: it is answered, then the connection ends.
        guard !isBusy else { return }
        let isInHead = stream == nil
        let stream = stream ?? begin()
        // The head came to nothing, but an answer to HEAD has no body all the same.
        if isInHead, bytes.starts(with: Self.headMethod) { stream.exchange.method = .head }
        stream.cut(Refusal(fault))
        if stream.isAnswered { finish(stream) }
    }

    override func peerEnded(_ connection: Connection) {
        guard let stream else { return connection.close() }
        stream.exchange.closes = true
        if stream.input == .body {
            stream.cut(
                Refusal(.clientClosed, "The client closed the connection before the request was complete.")
            )
        } else if stream.input == .complete {
            stream.abandonIfWaiting()
        } else if stream.input == .skipping {
            stream.cut(Refusal(.clientClosed, ""))
            if stream.isAnswered { finish(stream) }
        }
    }

    // MARK: - Back-pressure

    private func hold() {
        isHeld = true
        transport?.pauseReading()
    }

    /// Not much of a body is read before its sender may send it.
    private func holdIfUnadmitted() {
        guard let stream, stream.input == .body, !stream.exchange.isAdmitted, stream.keptBytes > Self.unadmitted else {
            return
        }
        hold()
    }

    private func resume() {
        guard isHeld else { return }
        isHeld = false
        transport?.resumeReading()
    }

    override func bodyIsWanted(_ stream: RequestStream) { resume() }

    /// A body that nobody asked for is read to its end only where that is cheaper than a new connection. A client that
    /// waits for leave to send its body may send none at all.
    override func bodyIsUnwanted(_ stream: RequestStream) {
        let exchange = stream.exchange
        if exchange.isChunked || (exchange.contentLength ?? 0) > Self.skippable
            || exchange.expectsContinue && exchange.requestBytes == 0
        {
            stream.exchange.closes = true
        }
        resume()
    }

    // MARK: - Answers

    override func sendContinue(_ stream: RequestStream) {
        transport?.write { HTTP1Interim.appendContinue(to: &$0) }
    }

    override func respond(
        _ stream: RequestStream,
        _ reply: borrowing Reply,
        receipt: Receipt?,
        like last: LastRequest?
    ) {
        if isDraining || isOver || stream.input != .complete && stream.exchange.isChunked
            || requests >= loop.limits.maxRequestsPerConnection
        {
            stream.exchange.closes = true
        }
        guard let transport else { return }
        if let last {
            if last.head == nil { last.head = loop.writer.standingHead(reply, limits: stream.exchange.limits) }
            last.head?.withUnsafeBytes { loop.writer.begin(head: $0) }
        } else {
            loop.writer.begin(reply.status)
            loop.writer.standing(reply, limits: stream.exchange.limits)
        }
        loop.writer.field(date: loop.date)
        // 0 would be the length of what is not sent (RFC 9110, section 8.6).
        if reply.status != 304 { loop.writer.field("Content-Length", decimal: UInt64(reply.body.count)) }
        loop.writer.varying(reply, of: stream, receipt: receipt, isPrivate: listener == .management)
        if stream.exchange.closes {
            loop.writer.line("Connection: close\r\n")
        } else if stream.exchange.version == .http10 {
            loop.writer.line("Connection: keep-alive\r\n")
        }
        transport.write { output in
            loop.writer.finish(into: &output)
            if stream.exchange.method != .head { reply.body.withUnsafeBytes { output.append($0) } }
        }
    }

    override func answered(_ stream: RequestStream) {
        guard transport != nil else { return finish(stream) }
        if stream.input == .complete || stream.exchange.closes { finish(stream) } else { setDeadline(seconds: 2) }
    }

    private func finish(_ stream: RequestStream) {
        let closes = stream.exchange.closes
        self.stream = nil
        stream.end()
        guard let transport else { return }
        guard !closes, !isOver else {
            isOver = true
            unread.release()
            return transport.close()
        }
        setDeadline(seconds: loop.limits.idleSeconds)
        if unread.isEmpty {
            pipelined = 0
        } else {
            goOn()
        }
        if !isBusy { resume() }
    }

    /// Takes up what was sent before the answer.
    private func goOn() {
        pipelined += 1
        guard pipelined <= loop.limits.maxPipelined else {
            isOver = true
            unread.release()
            return begin().cut(
                Refusal(
                    .pipelineTooDeep,
                    "More than \(loop.limits.maxPipelined) requests were sent ahead of their answers; wait for answers."
                )
            )
        }
        parseUnread()
    }

    // MARK: - The end

    override func deadlinePassed(_ connection: Connection) {
        guard isReadingHead, stream == nil else { return super.deadlinePassed(connection) }
        isOver = true
        begin().cut(Refusal(.headerTimeout, "The request's head did not arrive in time."))
    }

    /// A request that is on its way already is still taken; who has none is let go soon.
    override func finishDraining() {
        if stream == nil, !isReadingHead { setDeadline(seconds: 1) }
    }

    override func abandonStreams() {
        isOver = true
        guard let stream else { return }
        if stream.isAnswered { return finish(stream) }
        if stream.input == .body {
            stream.cut(Refusal(.clientClosed, "The client closed the connection before the request was complete."))
        } else {
            stream.abandon()
        }
    }

    private func setDeadline(seconds: Int) {
        transport?.setDeadline(loop.now + Int64(seconds) * 1_000_000_000)
    }
}

extension Refusal {
    /// What the codecs do not take.
    init(_ fault: HTTPFault) {
        let code: ReasonCode =
            switch fault.kind {
            case .headTooLarge, .tooManyFields, .targetTooLong: .headersTooLarge
            case .expectationFailed: .expectationFailed
            case .malformed, .versionUnsupported, .bodyChunkMalformed, .trailers: .requestMalformed
            }
        self.init(code, fault.reason.description)
    }
}
