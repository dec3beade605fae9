// SPDX-License-Identifier: Apache-2.0

import CTransport
import Glibc
public import TLS

/// One accepted socket with TLS on it, and what waits to go out.
///
/// It belongs to its loop and is used on it alone.
public final class Connection {
    /// Distinct within the process and the listener.
    public let id: UInt64
    /// Where the peer is.
    public let remote: SocketAddress
    /// Who reads and writes; let go of after `closed`.
    public var handler: (any ConnectionHandler)?
    /// What the handshake agreed on; nil before it is done.
    public private(set) var agreement: TLSAgreement?
    // A loop outlives its connections.
    public unowned(unsafe) let loop: EventLoop

    /// What epoll(7) is asked and says.
    private enum Readiness {
        static let readable = transport_readable
        static let writable = transport_writable
        static let broken = transport_broken
    }

    private enum Phase {
        case handshaking, open
        /// What is queued still goes out, then close_notify.
        case closing
        /// All is said; what the peer still sends is read and dropped, so that no reset takes the answer away.
        case lingering
        case closed
    }

    private let acceptor: Acceptor
    private let descriptor: Int32
    private var token: UInt64 = 0
    private var tls: TLSConnection
    private var phase = Phase.handshaking
    private var reason = CloseReason.local

    /// Plain bytes that the handler wrote.
    private var output = ByteQueue()
    /// Records that the socket did not take yet.
    private var unsent = ByteQueue()
    /// Records that came while reading was paused.
    private var unread = ByteQueue()
    private var events = Readiness.readable
    private var isDirty = false
    private var isPaused = false
    private var peerHasEnded = false
    private var hasMorePlaintext = false
    private var isDelivering = false
    private var wasFull = false
    private var wasBusy = true
    private var holdsNothing = false

    /// Records are made only as far ahead as a socket may take at once.
    private static let sealedAhead = 256 * 1024
    /// Above it reading pauses until half of it has gone.
    static let highWater = 1 << 20
    private static let lingerNanoseconds: Int64 = 2_000_000_000

    init(descriptor: Int32, id: UInt64, remote: SocketAddress, acceptor: Acceptor, context: TLSContext) {
        self.descriptor = descriptor
        self.id = id
        self.remote = remote
        self.acceptor = acceptor
        loop = acceptor.loop
        tls = TLSConnection(context: context)
        token = loop.table.add(self)
        loop.watch(descriptor, token: token, events: events)
        loop.table.setDeadline(token, loop.now + acceptor.settings.handshakeNanoseconds)
    }

    // MARK: - For the handler

    /// Bytes that were written and have not left.
    public var pendingOutput: Int { output.count + unsent.count }

    /// Queues plain bytes; they leave at the end of the turn.
    public func write(_ body: (inout ByteQueue) -> Void) {
        guard phase == .open else { return }
        body(&output)
        markDirty()
    }

    /// Delivers nothing until ``resumeReading()``; the peer is held by TCP.
    public func pauseReading() { isPaused = true }

    /// Delivers again, at the end of the turn what is here already.
    public func resumeReading() {
        guard isPaused else { return }
        isPaused = false
        if !unread.isEmpty || hasMorePlaintext { markDirty() }
        setEvents()
    }

    /// Sets the one time at which `deadlinePassed` is called, of the monotonic clock, to 100 ms; `.max` is never.
    public func setDeadline(_ time: Int64) {
        guard phase == .open else { return }
        loop.table.setDeadline(token, time)
    }

    /// Ends the connection when what was written has left: close_notify, FIN, and a bounded wait for the peer's.
    public func close() {
        guard phase == .open || phase == .handshaking else { return }
        if phase == .handshaking { return abort() }
        phase = .closing
        reason = .local
        loop.table.setDeadline(token, .max)
        markDirty()
    }

    /// Ends the connection at once; what was not sent is lost.
    public func abort() { end(.local, resets: true) }

    // MARK: - Readiness

    func ready(_ happened: UInt32) {
        if happened & Readiness.writable != 0 { markDirty() }
        guard happened & (Readiness.readable | Readiness.broken) != 0 else { return }
        if phase == .lingering { return linger() }
        // Only a client that sends more than it may is asked about again; the others never pay for the pause.
        if isHeld, happened & Readiness.broken == 0 { return setEvents() }
        receive()
    }

    private var isHeld: Bool { isPaused || pendingOutput > Self.highWater || phase == .closing }

    private func receive() {
        wasBusy = true
        holdsNothing = false
        let count = recv(descriptor, loop.ciphertext.baseAddress, loop.ciphertext.count, 0)
        if count > 0 {
            take(UnsafeRawBufferPointer(rebasing: loop.ciphertext[..<count]))
        } else if count == 0 {
            peerEnded(.truncated)
        } else if errno != EAGAIN && errno != EINTR {
            end(.reset(errno), resets: true)
        }
    }

    /// Decrypts and delivers; what a pause leaves over is kept.
    private func take(_ received: UnsafeRawBufferPointer) {
        var rest = received
        if phase == .handshaking {
            var used = 0
            let outcome = tls.handshake(rest, consumed: &used, output: &loop.sealed)
            sendSealed()
            rest = UnsafeRawBufferPointer(rebasing: rest[used...])
            switch outcome {
            case .done: connected()
            case .wantsMore: return
            case .peerClosed: return end(.truncated, resets: false)
            case .failed(let error): return fail(.handshake(error))
            }
        }
        deliver(rest)
    }

    private func connected() {
        phase = .open
        agreement = tls.agreement
        acceptor.handshakeEnded(remote)
        loop.table.setDeadline(token, .max)
        handler?.connected(self)
    }

    private func deliver(_ received: UnsafeRawBufferPointer) {
        guard !isDelivering else { return unread.append(received) }
        isDelivering = true
        defer { isDelivering = false }
        var rest = received
        hasMorePlaintext = false
        while phase == .open {
            if isHeld {
                hasMorePlaintext = true
                if !rest.isEmpty { unread.append(rest) }
                return
            }
            var used = 0
            var count = 0
            let outcome = tls.read(
                rest,
                consumed: &used,
                into: loop.plaintext,
                count: &count,
                output: &loop.sealed
            )
            sendSealed()
            rest = UnsafeRawBufferPointer(rebasing: rest[used...])
            if count > 0 { handler?.received(self, UnsafeRawBufferPointer(rebasing: loop.plaintext[..<count])) }
            switch outcome {
            case .done: continue
            case .wantsMore: return
            case .peerClosed: return peerEnded(.peer)
            case .failed(let error): return fail(.protocolViolation(error))
            }
        }
    }

    private func peerEnded(_ reason: CloseReason) {
        guard !peerHasEnded else { return }
        peerHasEnded = true
        setEvents()
        switch phase {
        case .open:
            self.reason = reason
            handler?.peerEnded(self)
        case .handshaking: end(reason, resets: false)
        case .closing, .lingering, .closed: break
        }
    }

    // MARK: - Sending

    private func markDirty() {
        guard !isDirty, phase != .closed else { return }
        isDirty = true
        loop.markDirty(self)
    }

    /// At the end of the turn: delivers what waited for a pause to end, then sends.
    func flush() {
        isDirty = false
        if phase == .open, !isHeld, !unread.isEmpty || hasMorePlaintext {
            var kept = ByteQueue()
            swap(&kept, &unread)
            kept.withUnsafeReadableBytes { deliver($0) }
        }
        guard phase != .closed else { return }
        if !unsent.isEmpty, !send() { return }
        while !output.isEmpty {
            let chunk = min(output.count, Self.sealedAhead)
            let outcome = output.withUnsafeReadableBytes {
                tls.write(UnsafeRawBufferPointer(rebasing: $0[..<chunk]), into: &loop.sealed)
            }
            output.dropFirst(chunk)
            if case .failed(let error) = outcome { return fail(.protocolViolation(error)) }
            sendSealed()
            guard phase != .closed else { return }
            if !unsent.isEmpty { return }
        }
        if phase == .closing { finish() }
    }

    /// Sends what lies in the loop's queue; what the socket does not take is kept here.
    private func sendSealed() {
        guard !loop.sealed.isEmpty else { return }
        var failure: Int32?
        loop.sealed.withUnsafeReadableBytes { bytes in
            guard unsent.isEmpty else { return unsent.append(bytes) }
            let count = Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            if count < 0, errno != EAGAIN, errno != EINTR { failure = errno }
            if count < bytes.count { unsent.append(UnsafeRawBufferPointer(rebasing: bytes[max(0, count)...])) }
        }
        loop.sealed.removeAll()
        if let failure { return end(.reset(failure), resets: true) }
        if !unsent.isEmpty { wait() }
    }

    /// - Returns: whether all that waited has gone.
    private func send() -> Bool {
        let count = unsent.withUnsafeReadableBytes {
            Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if count < 0, errno != EAGAIN, errno != EINTR {
            end(.reset(errno), resets: true)
            return false
        }
        if count > 0 { unsent.dropFirst(count) }
        guard unsent.isEmpty else {
            if count > 0 { wait() }
            return false
        }
        loop.table.setStall(token, .max)
        setEvents()
        if wasFull {
            wasFull = false
            handler?.outputDrained(self)
        }
        return true
    }

    /// The socket is full: it says when it takes more, and has its time to do so.
    private func wait() {
        loop.table.setStall(token, loop.now + acceptor.settings.writeNanoseconds)
        wasFull = true
        setEvents()
    }

    // MARK: - Ending

    private func finish() {
        // What close_notify comes to does not matter any more.
        _ = tls.shutdown(into: &loop.sealed)
        sendSealed()
        guard phase == .closing, unsent.isEmpty else { return }
        guard !peerHasEnded else { return end(reason, resets: false) }
        phase = .lingering
        shutdown(descriptor, Int32(SHUT_WR))
        loop.table.setDeadline(token, loop.now + Self.lingerNanoseconds)
        setEvents()
    }

    private func linger() {
        let count = recv(descriptor, loop.ciphertext.baseAddress, loop.ciphertext.count, 0)
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        if count <= 0 { end(reason, resets: false) }
    }

    private func fail(_ reason: CloseReason) {
        // An alert may be on its way; it goes out as far as the socket takes it.
        end(reason, resets: false)
    }

    func deadlinePassed() {
        switch phase {
        case .handshaking: end(.handshakeTimeout, resets: true)
        case .open: handler?.deadlinePassed(self)
        case .lingering: end(reason, resets: false)
        case .closing, .closed: break
        }
    }

    func stalled() { end(.writeStalled, resets: true) }

    private func end(_ reason: CloseReason, resets: Bool) {
        guard phase != .closed else { return }
        if phase == .handshaking { acceptor.handshakeEnded(remote) }
        phase = .closed
        loop.table.remove(token)
        if resets { SocketOption.resetOnClose(descriptor) }
        // Closing takes the descriptor out of epoll: nobody else holds it.
        Glibc.close(descriptor)
        acceptor.closed(remote)
        output.release()
        unsent.release()
        unread.release()
        let handler = handler
        self.handler = nil
        handler?.closed(self, reason)
    }

    // MARK: - What epoll is asked

    private func setEvents() {
        var wanted: UInt32 = 0
        if phase == .lingering || !isHeld && !peerHasEnded { wanted |= Readiness.readable }
        if !unsent.isEmpty { wanted |= Readiness.writable }
        guard wanted != events, phase != .closed else { return }
        events = wanted
        loop.rewatch(descriptor, token: token, events: wanted)
    }

    /// Called about once a second: who said nothing since the last call holds no buffers until the next word.
    func giveBackMemory() {
        guard !wasBusy else {
            wasBusy = false
            return
        }
        guard !holdsNothing else { return }
        holdsNothing = true
        tls.releaseBuffers()
        if output.isEmpty { output.release() }
        if unsent.isEmpty { unsent.release() }
        if unread.isEmpty { unread.release() }
    }
}

@available(*, unavailable)
extension Connection: Sendable {}
