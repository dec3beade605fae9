// SPDX-License-Identifier: Apache-2.0

import CNGHTTP2

/// What nghttp2 reports of the peer's frames.
extension HTTP2Session {
    /// A header block begins: of a request, or behind its body.
    func beganHeaders(_ frame: UnsafePointer<nghttp2_frame>) -> Int32 {
        let id = frame.pointee.hd.stream_id
        guard frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else {
            assembler.begin(slot(of: id), isTrailers: true)
            return 0
        }
        guard let at = slots.take(id) else {
            // nghttp2 does not count streams that are closed and still worked on.
            assembler.begin(nil, isTrailers: false)
            nghttp2_submit_rst_stream(nghttp2, 0, id, HTTP2ErrorCode.refusedStream.rawValue)
            chargeRefused(.refusedStream)
            return 0
        }
        assembler.begin(at, isTrailers: false)
        nghttp2_session_set_stream_user_data(nghttp2, id, UnsafeMutableRawPointer(bitPattern: at + 1))
        return 0
    }

    @inline(__always)
    func field(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Int32 {
        if assembler.slot == nil || assembler.add(name, value) { return 0 }
        pendingEnd = .headerBomb
        return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
    }

    /// A frame is whole, and was legal.
    func received(_ frame: UnsafePointer<nghttp2_frame>) -> Int32 {
        let header = frame.pointee.hd
        switch header.type {
        case FrameHeader.Kind.headers:
            guard let at = assembler.slot else { return 0 }
            receivedHead(at, endsStream: header.flags & FrameHeader.Flag.endStream != 0)
        case FrameHeader.Kind.data:
            if header.flags & FrameHeader.Flag.endStream != 0, let at = slot(of: header.stream_id) { endRequest(at) }
        case FrameHeader.Kind.ping:
            if header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0, drain == .announced { finishGoAway() }
        case FrameHeader.Kind.goAway:
            peerIsGoingAway = true
        default: break
        }
        return 0
    }

    func receivedData(_ id: Int32, _ bytes: UnsafeRawBufferPointer) {
        guard let at = slot(of: id) else {
            nghttp2_session_consume_connection(nghttp2, bytes.count)
            return
        }
        let slot = slots[at]
        if slot.pointee.state.contains(.forbidsBody), !slot.pointee.state.contains(.discarding) {
            refuse(at, .bodyNotTaken)
        }
        guard !slots[at].pointee.state.contains(.discarding) else {
            // The stream's own window stays shut: nothing more of it is wanted.
            nghttp2_session_consume_connection(nghttp2, bytes.count)
            discarded(bytes.count, slot: at)
            return
        }
        slots[at].pointee.unconsumed += bytes.count
        delegate.data(self, stream(at), bytes)
    }

    /// Asks a client to stop that goes on sending behind the answer (RFC 9113, section 8.1). Not before it goes on for
    /// long: many clients take the reset for the end of an answer that was cut.
    private func discarded(_ count: Int, slot at: Int) {
        guard slots[at].pointee.state.contains(.sent) else { return }
        slots[at].pointee.discarded += count
        guard slots[at].pointee.discarded > Self.patience else { return }
        slots[at].pointee.discarded = Int.min
        nghttp2_submit_rst_stream(
            nghttp2,
            UInt8(NGHTTP2_FLAG_NONE.rawValue),
            slots[at].pointee.id,
            HTTP2ErrorCode.noError.rawValue
        )
    }

    /// Bytes that a client may send behind its answer.
    private static let patience = 128 * 1024

    /// nghttp2 answers with `RST_STREAM` or `GOAWAY` itself.
    func receivedInvalid(_ error: Int32) {
        if error == NGHTTP2_ERR_REFUSED_STREAM.rawValue { return chargeRefused(.refusedStream) }
        if !meter.charge(now: now) { pendingEnd = .malformedFlood }
    }

    /// A stream is closed, by both sides' last frames or by `RST_STREAM` from either.
    func closed(_ id: Int32, _ code: HTTP2ErrorCode) {
        guard let at = slot(of: id) else { return }
        if assembler.slot == at { assembler.end() }
        let stream = stream(at)
        let state = slots[at].pointee.state
        if state.contains(.answered), !state.contains(.sent) { unsent -= 1 }
        guard state.contains(.announced) else {
            free(at)
            // Streams that the owner reset are not announced any more.
            if !state.contains(.answered) { delegate.refused(self, code) }
            return
        }
        if state.contains(.answered) {
            free(at)
            if state.contains(.sent) { delegate.answered(self, stream) } else { delegate.reset(self, stream, code) }
        } else {
            slots[at].pointee.state.formUnion([.lingering, .discarding])
            delegate.reset(self, stream, code)
        }
    }

    /// The slot of a stream that nghttp2 knows.
    @inline(__always)
    func slot(of id: Int32) -> Int? {
        let value = Int(bitPattern: nghttp2_session_get_stream_user_data(nghttp2, id))
        return value > 0 ? value - 1 : nil
    }

    @inline(__always)
    func stream(_ at: Int) -> HTTP2Stream { HTTP2Stream(id: slots[at].pointee.id, slot: at) }

    /// Gives back a slot, and the window that its unread bytes hold.
    func free(_ at: Int) {
        let unconsumed = slots[at].pointee.unconsumed
        if unconsumed > 0 { nghttp2_session_consume_connection(nghttp2, unconsumed) }
        if framed?.slot == at { framed?.isLast = true } else { slots.free(at) }
    }

    private func receivedHead(_ at: Int, endsStream: Bool) {
        let isTrailers = assembler.isTrailers
        let fault = assembler.finish(endsStream: endsStream)
        if isTrailers {
            assembler.end()
            if let fault { refuse(at, fault) }
        } else if let fault {
            announce(at)
            assembler.end()
            refuse(at, fault)
        } else {
            announce(at)
            delegate.request(self, stream(at), assembler.head, assembler.contents)
            assembler.end()
        }
        if endsStream { endRequest(at) }
    }

    private func announce(_ at: Int) {
        let method = assembler.head.method
        slots[at].pointee.state.insert(.announced)
        if method == .head { slots[at].pointee.state.insert(.isHead) }
        if !method.takesBody { slots[at].pointee.state.insert(.forbidsBody) }
    }

    /// Nothing more of the request is taken; the owner hears why, unless it has answered.
    private func refuse(_ at: Int, _ fault: HTTPFault) {
        guard !slots[at].pointee.state.contains(.discarding) else { return }
        slots[at].pointee.state.insert(.discarding)
        if !meter.charge(now: now) { pendingEnd = .malformedFlood }
        delegate.malformed(self, stream(at), fault)
    }

    private func endRequest(_ at: Int) {
        let state = slots[at].pointee.state
        slots[at].pointee.state.insert(.requestEnded)
        if !state.contains(.discarding) { delegate.end(self, stream(at)) }
    }

    private func chargeRefused(_ code: HTTP2ErrorCode) {
        if !meter.charge(now: now) { pendingEnd = .malformedFlood }
        delegate.refused(self, code)
    }
}
