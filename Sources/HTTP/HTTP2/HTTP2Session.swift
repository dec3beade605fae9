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
    /// Why the session ended against the peer's wish; nil when it did not.
    @exclusivity(unchecked) public internal(set) var endReason: HTTP2EndReason?
    /// Whether the peer said that it opens no more streams.
    @exclusivity(unchecked) public internal(set) var peerIsGoingAway = false

    // Callbacks reach the session while one of its methods calls nghttp2, but none while a property is being changed; to
    // have that checked at run time cost 8 % of a request.

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

    /// Hands out what is to be sent: at least `limit` bytes when there are as many, and hardly more than a frame on top.
    ///
    /// - Parameters:
    ///   - limit: so that what the transport does not get rid of stays with the answers.
    ///   - now: monotonic nanoseconds.
    ///   - sink: gets bytes that are valid during its call. It must not call the session.
    /// - Returns: bytes handed out.
    @discardableResult
    public func takeOutput(limit: Int = .max, now: Int64, _ sink: (UnsafeRawBufferPointer) -> Void) -> Int {
        self.now = now
        var taken = 0
        while taken < limit, !isOver {
            var bytes: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(nghttp2, &bytes)
            if count > 0 {
                sink(UnsafeRawBufferPointer(start: bytes, count: count))
                taken += count
                if endAfterThisFrame { isOver = true }
            } else if let data = framed {
                framed = nil
                taken += handOut(data, sink)
            } else if count == 0 {
                noteWaiting()
                break
            } else {
                endReason = endReason ?? .failed
                isOver = true
            }
        }
        return taken
    }

    /// Requests that are being received, worked on or answered, those that were reset meanwhile among them.
    public var activeStreams: Int { slots.used }

    /// Whether nothing is under way, in either direction.
    public var isIdle: Bool { slots.used == 0 && meter.isBetweenFrames && !hasOutput }

    /// Whether ``takeOutput(limit:now:_:)`` may give something; data that waits for the peer's window does not count
    /// when the whole connection's is used up.
    public var hasOutput: Bool { !isOver && (framed != nil || nghttp2_session_want_write(nghttp2) != 0) }

    /// Whether all was said: close the connection once the output has left.
    public var isFinished: Bool {
        isOver || nghttp2_session_want_read(nghttp2) == 0 && nghttp2_session_want_write(nghttp2) == 0
    }

    /// Whether a request's head has come in part. A peer that leaves it there is slow or an attacker.
    public var isInHead: Bool { meter.isInHeaderBlock }

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

    private func handOut(_ data: FramedData, _ sink: (UnsafeRawBufferPointer) -> Void) -> Int {
        withUnsafeBytes(of: data.header, sink)
        let slot = slots[data.slot]
        let range = data.at..<data.at + data.count
        if slot.pointee.state.contains(.isHeld) {
            let held = slot.pointee.held
            held.withUnsafeBytes { sink(UnsafeRawBufferPointer(rebasing: $0[range])) }
        } else {
            sink(
                UnsafeRawBufferPointer(
                    rebasing: UnsafeRawBufferPointer(start: slot.pointee.copy, count: range.upperBound)[range]
                )
            )
        }
        meter.sentData()
        if data.isLast { slots.free(data.slot) }
        return FrameHeader.size + data.count
    }

    private static func open(_ limits: HTTP2Limits) -> OpaquePointer {
        var option: OpaquePointer?
        var callbacks: OpaquePointer?
        var session: OpaquePointer?
        nghttp2_option_new(&option)
        nghttp2_session_callbacks_new(&callbacks)
        defer {
            nghttp2_option_del(option)
            nghttp2_session_callbacks_del(callbacks)
        }
        nghttp2_option_set_no_auto_window_update(option, 1)
        nghttp2_option_set_no_closed_streams(option, 1)
        nghttp2_option_set_max_outbound_ack(option, limits.maxQueuedFrames)
        // The meter counts both, and names the reason; nghttp2's own clock is not the caller's.
        nghttp2_option_set_stream_reset_rate_limit(option, UInt64(UInt32.max), UInt64(UInt32.max))
        nghttp2_option_set_max_continuations(option, limits.maxContinuations + 1)
        setCallbacks(callbacks)
        nghttp2_session_server_new2(&session, callbacks, nil, option)
        // Only without memory, where Swift's own allocations end the process too.
        guard let session else { preconditionFailure("nghttp2 has no memory for a session") }
        submitSettings(session, limits)
        return session
    }

    private static func submitSettings(_ session: OpaquePointer, _ limits: HTTP2Limits) {
        func setting(_ id: nghttp2_settings_id, _ value: Int) -> nghttp2_settings_entry {
            nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: UInt32(clamping: value))
        }
        let settings: InlineArray<4, nghttp2_settings_entry> = [
            setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.maxConcurrentStreams),
            setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.streamWindow),
            setting(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.headBytes),
            setting(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1),
        ]
        settings.span.withUnsafeBufferPointer {
            _ = nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), $0.baseAddress, $0.count)
        }
        nghttp2_session_set_local_window_size(
            session,
            UInt8(NGHTTP2_FLAG_NONE.rawValue),
            0,
            Int32(clamping: limits.connectionWindow)
        )
    }
}
