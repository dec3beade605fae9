// SPDX-License-Identifier: Apache-2.0

import CNGHTTP2

/// The way out.
extension HTTP2Session {
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

    /// As ``takeOutput(limit:now:_:)``, onto the end of `output`.
    @discardableResult
    public func takeOutput<Output: HTTPOutput & ~Copyable>(
        into output: inout Output,
        limit: Int = .max,
        now: Int64
    ) -> Int {
        takeOutput(limit: limit, now: now) { output.append($0) }
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
}

/// What nghttp2 reports of our own frames.
extension HTTP2Session {
    /// nghttp2 sent a frame, or framed one that is handed out next.
    func sent(_ frame: UnsafePointer<nghttp2_frame>) {
        let header = frame.pointee.hd
        switch header.type {
        case FrameHeader.Kind.headers, FrameHeader.Kind.data:
            guard header.flags & FrameHeader.Flag.endStream != 0, let at = slot(of: header.stream_id) else { return }
            if !slots[at].pointee.state.contains(.sent) { unsent -= 1 }
            slots[at].pointee.state.insert(.sent)
            // The rest of the request has its time, see `resetStalled`.
            slots[at].pointee.waitingSince = slots[at].pointee.state.contains(.requestEnded) ? .max : now
        case FrameHeader.Kind.goAway:
            guard frame.pointee.goaway.error_code != 0 else { return }
            let code = HTTP2ErrorCode(rawValue: frame.pointee.goaway.error_code)
            endReason = endReason ?? .violation(code)
            endAfterThisFrame = true
        default: break
        }
    }

    /// nghttp2 gave a frame up: without its head an answer cannot be sent, as when its fields are over 64 KiB.
    func failedToSend(_ frame: UnsafePointer<nghttp2_frame>) {
        let header = frame.pointee.hd
        guard header.type == FrameHeader.Kind.headers, slot(of: header.stream_id) != nil else { return }
        nghttp2_submit_rst_stream(
            nghttp2,
            UInt8(NGHTTP2_FLAG_NONE.rawValue),
            header.stream_id,
            HTTP2ErrorCode.internalError.rawValue
        )
    }

    /// nghttp2 wants `count` bytes of a body sent behind the frame header.
    func framedData(_ header: UnsafePointer<UInt8>, _ count: Int, slot at: Int) -> Int32 {
        let slot = slots[at]
        var data = FramedData(slot: at, at: slot.pointee.bodyAt, count: count)
        for byte in 0..<FrameHeader.size { data.header[byte] = header[byte] }
        framed = data
        slot.pointee.bodyAt += count
        slot.pointee.progress += count
        // So that nghttp2 hands back control, and the bytes go out from where they are.
        return NGHTTP2_ERR_PAUSE.rawValue
    }

    /// All that can leave has left: the answers that are not whole wait for the peer's window.
    func noteWaiting() {
        guard unsent > 0 else { return }
        for at in 0..<slots.capacity {
            let slot = slots[at]
            guard slot.pointee.bodyAt < slot.pointee.bodyEnd, slot.pointee.state.contains(.answered),
                slot.pointee.state.contains(.announced)
            else { continue }
            if slot.pointee.waitingSince == .max || slot.pointee.progress >= Self.leastProgress {
                slot.pointee.waitingSince = now
                slot.pointee.progress = 0
            }
        }
    }

    /// Bytes that a client must take so that its answer counts as moving.
    private static let leastProgress = 4096
}
