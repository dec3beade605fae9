// SPDX-License-Identifier: Apache-2.0

import CNGHTTP2

/// The end of a session.
extension HTTP2Session {
    /// Begins to part gracefully (RFC 9113, section 6.8): a first `GOAWAY` says that the end is near, and a `PING` behind
    /// it, once answered, that the client has read it; only then ``finishGoAway()`` shuts out new streams.
    public func goAway() {
        guard drain == .none, endReason == nil else { return }
        drain = .announced
        nghttp2_submit_shutdown_notice(nghttp2)
        nghttp2_submit_ping(nghttp2, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
    }

    /// Shuts out new streams: the second `GOAWAY`, with the last stream that is served. To be called when the `PING`'s
    /// answer takes too long. The session is finished when the streams under way are.
    public func finishGoAway() {
        guard drain != .final, endReason == nil else { return }
        drain = .final
        let last = nghttp2_session_get_last_proc_stream_id(nghttp2)
        nghttp2_submit_goaway(
            nghttp2,
            UInt8(NGHTTP2_FLAG_NONE.rawValue),
            last,
            HTTP2ErrorCode.noError.rawValue,
            nil,
            0
        )
    }

    /// The head that ``isInHead`` tells of took too long: the session ends at once.
    public func giveUpHead() { end(.headTimeout) }

    /// Whether the session was told to part.
    public var isGoingAway: Bool { drain != .none }

    /// The connection is gone: tells the delegate of the reset of every stream that was announced and has not ended.
    /// Those without an answer keep their slots as after any reset.
    public func abandon() {
        for at in 0..<slots.capacity where slots[at].pointee.id != 0 {
            let state = slots[at].pointee.state
            guard state.contains(.announced), !state.contains(.lingering) else { continue }
            let stream = stream(at)
            if state.contains(.answered) {
                slots[at].pointee.state.remove(.announced)
            } else {
                slots[at].pointee.state.formUnion([.lingering, .discarding])
            }
            delegate.reset(self, stream, .cancel)
        }
    }

    /// Ends the session with a `GOAWAY`, behind what nghttp2 has queued.
    func end(_ reason: HTTP2EndReason) {
        guard endReason == nil else { return }
        endReason = reason
        nghttp2_session_terminate_session(nghttp2, reason.errorCode.rawValue)
    }
}
