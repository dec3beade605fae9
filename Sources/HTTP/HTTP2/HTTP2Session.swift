// SPDX-License-Identifier: Apache-2.0

import CNGHTTP2

/// The server's side of one HTTP/2 connection (RFC 9113) over nghttp2, without I/O: bytes in, bytes out, and events to
/// a delegate. Not for use by several threads.
///
/// After every ``receive(_:now:)`` and every answer, take the output and look at ``isFinished``.
///
/// Against floods (RFC 9113, section 10.5) all memory is bounded, see ``HTTP2Limits``, and frames that do nothing for a
/// request draw on a budget that fills again over time; who exhausts it gets `GOAWAY` with `ENHANCE_YOUR_CALM`, and
/// ``endReason`` says for what.
public final class HTTP2Session {
    /// What the connection may hold and cause.
    public let limits: HTTP2Limits
    // Callbacks reach the session while one of its methods calls nghttp2, and never while a property is being changed:
    // to have that checked at run time would cost a request 7 % more.

    /// Why the session ended against the peer's wish; nil when it did not.
    @exclusivity(unchecked) public internal(set) var endReason: HTTP2EndReason?
    /// Whether the peer said that it opens no more streams.
    @exclusivity(unchecked) public internal(set) var peerIsGoingAway = false

    // The delegate owns the session and outlives it: an unowned reference that is counted costs an atomic for every
    // event.
    unowned(unsafe) let delegate: any HTTP2SessionDelegate
    let nghttp2: OpaquePointer
    @exclusivity(unchecked) var slots: SlotTable
    @exclusivity(unchecked) var assembler: HeadAssembler
    @exclusivity(unchecked) var meter: FrameMeter
    /// Monotonic nanoseconds, from the last call that brought them.
    @exclusivity(unchecked) var now: Int64 = 0
    @exclusivity(unchecked) var drain = Drain.none
    /// The last `GOAWAY` was taken: nothing may follow.
    @exclusivity(unchecked) var isOver = false
    /// The frame that nghttp2 hands out next is the last `GOAWAY`.
    @exclusivity(unchecked) var endAfterThisFrame = false
    /// Found out within a callback, where nghttp2 cannot be told.
    @exclusivity(unchecked) var pendingEnd: HTTP2EndReason?
    /// Answers that were handed over and whose last byte was not taken.
    @exclusivity(unchecked) var unsent = 0

    /// A `DATA` frame that nghttp2 has framed and that is to be handed out: its header, and from where.
    @exclusivity(unchecked) var framed: FramedData?
    struct FramedData {
        var header = InlineArray<9, UInt8>(repeating: 0)
        var slot: Int
        var at: Int
        var count: Int
        /// The stream was closed meanwhile.
        var isLast = false
    }

    /// How far the parting is (RFC 9113, section 6.8).
    enum Drain { case none, announced, final }

    /// A session whose first output is the server's `SETTINGS`.
    ///
    /// - Parameters:
    ///   - limits: see there.
    ///   - delegate: is not retained, and must live as long as the session.
    public init(limits: HTTP2Limits = HTTP2Limits(), delegate: any HTTP2SessionDelegate) {
        self.limits = limits
        self.delegate = delegate
        slots = SlotTable(limit: limits.maxConcurrentStreams)
        assembler = HeadAssembler(limits: limits)
        meter = FrameMeter(limits: limits)
        nghttp2 = Self.open(limits)
        nghttp2_session_set_user_data(nghttp2, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit { nghttp2_session_del(nghttp2) }

    /// Takes bytes from the peer, all of them.
    ///
    /// - Parameter now: monotonic nanoseconds.
    public func receive(_ bytes: UnsafeRawBufferPointer, now: Int64) {
        guard endReason == nil else { return }
        self.now = now
        guard let excess = meter.scan(bytes, now: now) else {
            feed(bytes)
            return
        }
        feed(UnsafeRawBufferPointer(rebasing: bytes[..<excess.at]))
        end(excess.reason)
    }

    /// Requests that are being received, worked on or answered, those that were reset meanwhile among them.
    public var activeStreams: Int { slots.used }

    /// Whether nothing is under way, in either direction.
    public var isIdle: Bool { slots.used == 0 && meter.isBetweenFrames && !hasOutput }

    /// Whether ``takeOutput(limit:now:_:)`` may give something; data that waits for the peer's window does not count
    /// when the whole connection's is used up.
    public var hasOutput: Bool { !isOver && (framed != nil || nghttp2_session_want_write(nghttp2) != 0) }

    /// Whether all was said: close the connection once the output has left, and call ``abandon()`` for the streams that
    /// a session which ended against the peer's wish leaves behind.
    public var isFinished: Bool {
        isOver || nghttp2_session_want_read(nghttp2) == 0 && nghttp2_session_want_write(nghttp2) == 0
    }

    /// Whether a request's head, or anything else but a body, has come in part. A peer that leaves it there is slow or an
    /// attacker: see ``giveUpHead()``.
    public var isInHead: Bool { meter.isInHead }

    /// Changes whenever a frame begins that does not go on with a head.
    public var frames: UInt64 { meter.frames }

    /// Gives back memory that is kept for requests to come; for connections that are idle for long.
    public func releaseMemory() {
        slots.releaseMemory()
        if !meter.isInHeaderBlock { assembler.release() }
    }
}

@available(*, unavailable)
extension HTTP2Session: Sendable {}

extension HTTP2Session {
    private func feed(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        let read = nghttp2_session_mem_recv(nghttp2, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
        if read < 0, endReason == nil {
            switch Int(read) {
            case Int(NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue): end(.prefaceInvalid)
            case Int(NGHTTP2_ERR_FLOODED.rawValue): end(.outputQueueFull)
            case Int(NGHTTP2_ERR_TOO_MANY_CONTINUATIONS.rawValue): end(.continuationFlood)
            default: end(pendingEnd ?? .failed)
            }
        } else if let reason = pendingEnd {
            end(reason)
        } else if nghttp2_session_get_outbound_queue_size(nghttp2) > limits.maxQueuedFrames {
            end(.outputQueueFull)
        }
    }
}
