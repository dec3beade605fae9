// SPDX-License-Identifier: Apache-2.0

import CNGHTTP2

/// The owner's side of a stream. Calls for streams that are over do nothing.
extension HTTP2Session {
    /// Answers a request, whole or not: what is still to come of it is dropped, and a client that goes on for long behind
    /// the answer is asked to stop (RFC 9113, section 8.1).
    ///
    /// `content-length` is written by the session, except for 1xx, 204 and 304. To HEAD the body is not sent.
    /// - Parameters:
    ///   - status: 200 to 599.
    ///   - body: is copied; see ``respond(_:status:fields:holding:_:)`` for large ones.
    /// - Returns: false when the stream was reset or is answered already.
    @discardableResult
    public func respond(
        _ stream: HTTP2Stream,
        status: Int,
        fields: borrowing HTTP2Fields,
        body: UnsafeRawBufferPointer
    ) -> Bool {
        guard begin(stream) else { return false }
        if !slots[stream.slot].pointee.state.contains(.isHead) { slots[stream.slot].pointee.keep(body) }
        submit(stream, status, fields, body.count)
        return true
    }

    /// As ``respond(_:status:fields:body:)``, with a body that is held until its last byte was taken, and not copied.
    ///
    /// - Parameter range: the slice of `body` to send.
    @discardableResult
    public func respond(
        _ stream: HTTP2Stream,
        status: Int,
        fields: borrowing HTTP2Fields,
        holding body: [UInt8],
        _ range: Range<Int>
    ) -> Bool {
        precondition(range.lowerBound >= 0 && range.upperBound <= body.count, "a slice of the body")
        guard begin(stream) else { return false }
        if !slots[stream.slot].pointee.state.contains(.isHead) { slots[stream.slot].pointee.hold(body, range) }
        submit(stream, status, fields, range.count)
        return true
    }

    /// Gives leave to send the body (`100 Continue`, RFC 9110, section 15.2.1).
    public func sendContinue(_ stream: HTTP2Stream) {
        guard let slot = live(stream), slot.pointee.state.isDisjoint(with: [.answered, .requestEnded]) else { return }
        let name: StaticString = ":status"
        let value: StaticString = "100"
        var pair = nghttp2_nv(
            name: UnsafeMutablePointer(mutating: name.utf8Start),
            value: UnsafeMutablePointer(mutating: value.utf8Start),
            namelen: 7,
            valuelen: 3,
            flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)
        )
        nghttp2_submit_headers(nghttp2, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, nil, &pair, 1, nil)
    }

    /// Ends a stream without an answer. The delegate is not told.
    public func reset(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
        guard let slot = live(stream) else { return finish(stream) }
        if !slot.pointee.state.contains(.answered) { unsent += 1 }
        slot.pointee.state.remove(.announced)
        slot.pointee.state.formUnion([.answered, .discarding])
        nghttp2_submit_rst_stream(nghttp2, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, code.rawValue)
    }

    /// The work on a stream that was reset has ended: its slot is free, and the window of its unread bytes.
    public func finish(_ stream: HTTP2Stream) {
        guard let slot = known(stream), slot.pointee.state.contains(.lingering) else { return }
        free(stream.slot)
    }

    /// Bytes of a request's body were taken to where they do not count any more: the peer may send as many again.
    public func consumed(_ stream: HTTP2Stream, _ count: Int) {
        guard let slot = known(stream) else { return }
        let count = min(count, slot.pointee.unconsumed + slot.pointee.heldBack)
        guard count > 0 else { return }
        let heldBack = min(count, slot.pointee.heldBack)
        slot.pointee.heldBack -= heldBack
        slot.pointee.unconsumed -= count - heldBack
        if count > heldBack { nghttp2_session_consume_connection(nghttp2, count - heldBack) }
        if slot.pointee.state.isDisjoint(with: [.lingering, .discarding, .requestEnded]) {
            nghttp2_session_consume_stream(nghttp2, stream.id, count)
        }
    }

    /// Bytes of a request's body stay where they are, and hold up that stream but none of the others: of it nothing more
    /// than its window comes before ``consumed(_:_:)``.
    public func heldBack(_ stream: HTTP2Stream, _ count: Int) {
        guard let slot = known(stream) else { return }
        let count = min(count, slot.pointee.unconsumed)
        guard count > 0 else { return }
        slot.pointee.unconsumed -= count
        slot.pointee.heldBack += count
        nghttp2_session_consume_connection(nghttp2, count)
    }

    /// Since when the answer waits that has waited longest for the peer to open its window, in the nanoseconds of
    /// `now`; nil when none does. A trickle of window does not count as progress.
    public var stalledSince: Int64? {
        guard unsent > 0 else { return nil }
        var earliest = Int64.max
        for at in 0..<slots.capacity { earliest = min(earliest, slots[at].pointee.waitingSince) }
        return earliest == .max ? nil : earliest
    }

    /// Resets the streams whose answers wait for the peer's window since `time` or longer, or that were answered then and
    /// whose request has not ended; the delegate is told.
    public func resetStalled(since time: Int64) {
        for at in 0..<slots.capacity where slots[at].pointee.waitingSince <= time {
            slots[at].pointee.waitingSince = .max
            // Who has all of the answer did nothing wrong (RFC 9113, section 8.1).
            let code: HTTP2ErrorCode = slots[at].pointee.state.contains(.sent) ? .noError : .cancel
            nghttp2_submit_rst_stream(
                nghttp2,
                UInt8(NGHTTP2_FLAG_NONE.rawValue),
                slots[at].pointee.id,
                code.rawValue
            )
        }
    }
}

extension HTTP2Session {
    private func known(_ stream: HTTP2Stream) -> UnsafeMutablePointer<StreamSlot>? {
        guard stream.slot < slots.capacity, slots[stream.slot].pointee.id == stream.id else { return nil }
        return slots[stream.slot]
    }

    private func live(_ stream: HTTP2Stream) -> UnsafeMutablePointer<StreamSlot>? {
        guard let slot = known(stream), !slot.pointee.state.contains(.lingering) else { return nil }
        return slot
    }

    /// Whether the stream can be answered; frees the slot of one that cannot any more.
    private func begin(_ stream: HTTP2Stream) -> Bool {
        guard let slot = live(stream) else {
            finish(stream)
            return false
        }
        guard !slot.pointee.state.contains(.answered) else { return false }
        slot.pointee.state.formUnion([.answered, .discarding])
        unsent += 1
        return true
    }

    private func submit(_ stream: HTTP2Stream, _ status: Int, _ fields: borrowing HTTP2Fields, _ length: Int) {
        var provider = nghttp2_data_provider()
        provider.source.fd = Int32(truncatingIfNeeded: stream.slot)
        provider.read_callback = { _, _, _, room, flags, source, user in
            guard let flags, let source else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
            let slot = HTTP2Session.of(user).slots[Int(source.pointee.fd)]
            let rest = slot.pointee.bodyEnd - slot.pointee.bodyAt
            flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
            if rest <= room { flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
            return min(rest, room)
        }
        let hasBody = slots[stream.slot].pointee.bodyAt < slots[stream.slot].pointee.bodyEnd
        let hasLength = status != 204 && status != 304
        let failed = fields.withPairs(status: status, contentLength: hasLength ? length : nil) { pairs, count in
            withUnsafePointer(to: &provider) {
                nghttp2_submit_response(nghttp2, stream.id, pairs, count, hasBody ? $0 : nil)
            }
        }
        if failed != 0 { reset(stream, .internalError) }
    }
}
