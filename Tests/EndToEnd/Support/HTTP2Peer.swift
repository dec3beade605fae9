// SPDX-License-Identifier: Apache-2.0

import CNGHTTP2
import Foundation

/// An HTTP/2 client with many requests under way on one connection: nghttp2's client side over ``RawTLS``.
final class HTTP2Peer {
    private let connection: RawTLS
    private var session: OpaquePointer!  // made behind the rest, which its callbacks reach
    private var answers: [Int32: Answer] = [:]
    private var bodies: [Int32: ArraySlice<UInt8>] = [:]
    /// In the order in which the streams ended; 0 is an end without an error.
    private(set) var closed: [(stream: Int32, code: UInt32)] = []
    private(set) var goAways: [(last: Int32, code: UInt32)] = []
    private(set) var settings: [Int32: UInt32] = [:]
    private(set) var interim: [Int32: Int] = [:]

    /// - Parameter window: of each stream (`SETTINGS_INITIAL_WINDOW_SIZE`); nil is the protocol's.
    init(port: Int, window: UInt32? = nil) throws {
        connection = try RawTLS(port: port, protocols: ["h2", "http/1.1"])
        guard connection.applicationProtocol == "h2" else { throw HarnessError("ALPN did not settle on h2") }
        var callbacks: OpaquePointer?
        nghttp2_session_callbacks_new(&callbacks)
        defer { nghttp2_session_callbacks_del(callbacks) }
        Self.set(callbacks)
        nghttp2_session_client_new(&session, callbacks, Unmanaged.passUnretained(self).toOpaque())
        let entries = window.map {
            [nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: $0)]
        }
        nghttp2_submit_settings(session, 0, entries ?? [], entries?.count ?? 0)
        flush()
    }

    deinit { nghttp2_session_del(session) }

    // MARK: - Requests

    /// Sends a request; a body that is not whole stays open for ``send(_:on:)``.
    @discardableResult
    func request(
        _ method: String,
        _ path: String,
        credential: String? = nil,
        headers: [(name: String, value: String)] = [],
        body: String? = nil
    ) -> Int32 {
        var fields = [(":method", method), (":scheme", "https"), (":path", path), (":authority", "localhost")]
        if let credential { fields.append(("authorization", "Bearer \(credential)")) }
        if body != nil, !headers.contains(where: { $0.name == "content-type" }) {
            fields.append(("content-type", "application/json"))
        }
        fields += headers.map { ($0.name, $0.value) }
        let texts = fields.map { (strdup($0.0), strdup($0.1)) }
        defer { for (name, value) in texts { free(name); free(value) } }
        let pairs = texts.map { name, value in
            nghttp2_nv(
                name: UnsafeMutableRawPointer(name)?.assumingMemoryBound(to: UInt8.self),
                value: UnsafeMutableRawPointer(value)?.assumingMemoryBound(to: UInt8.self),
                namelen: name.map { strlen($0) } ?? 0,
                valuelen: value.map { strlen($0) } ?? 0,
                flags: 0
            )
        }
        var provider = nghttp2_data_provider()
        provider.read_callback = { _, stream, buffer, room, flags, _, user in
            HTTP2Peer.of(user).read(stream, buffer, room, flags)
        }
        let stream = withUnsafePointer(to: &provider) {
            nghttp2_submit_request(session, nil, pairs, pairs.count, body == nil ? nil : $0, nil)
        }
        if let body { bodies[stream] = ArraySlice(body.utf8) }
        answers[stream] = Answer(version: "HTTP/2", status: 0, headers: [], body: [])
        flush()
        return stream
    }

    func reset(_ stream: Int32) {
        nghttp2_submit_rst_stream(session, 0, stream, UInt32(NGHTTP2_CANCEL.rawValue))
        flush()
    }

    // MARK: - Answers

    /// Waits for the end of a stream.
    ///
    /// - Throws: when the connection ends before.
    func answer(_ stream: Int32) throws -> Answer {
        try pump { self.isClosed(stream) }
        guard let answer = answers[stream], answer.status > 0 else {
            throw HarnessError("stream \(stream) ended without an answer: \(closed)")
        }
        return answer
    }

    /// Reads and answers frames until `isDone`.
    func pump(until isDone: () -> Bool) throws {
        while !isDone() {
            guard turn() else { throw HarnessError("the connection ended; closed \(closed), GOAWAY \(goAways)") }
        }
    }

    /// Reads and answers frames until the connection ends.
    func readToEnd() { while turn() {} }

    func isClosed(_ stream: Int32) -> Bool { closed.contains { $0.stream == stream } }

    private func turn() -> Bool {
        guard let bytes = connection.next() else { return false }
        nghttp2_session_mem_recv(session, bytes, bytes.count)
        flush()
        return true
    }

    private func flush() {
        while true {
            var bytes: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &bytes)
            guard count > 0 else { return }
            connection.send(Array(UnsafeBufferPointer(start: bytes, count: count)))
        }
    }

    // MARK: - nghttp2's calls

    private static func of(_ user: UnsafeMutableRawPointer?) -> HTTP2Peer {
        guard let user else { preconditionFailure("nghttp2 gives back the pointer that it got") }
        return Unmanaged.fromOpaque(user).takeUnretainedValue()
    }

    private func read(
        _ stream: Int32,
        _ buffer: UnsafeMutablePointer<UInt8>?,
        _ room: Int,
        _ flags: UnsafeMutablePointer<UInt32>?
    ) -> Int {
        let part = bodies[stream]?.prefix(room) ?? []
        for (place, byte) in part.enumerated() { buffer?[place] = byte }
        bodies[stream]?.removeFirst(part.count)
        if bodies[stream]?.isEmpty != false { flags?.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue) }
        return part.count
    }

    private static func set(_ callbacks: OpaquePointer?) {
        nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _,
            frame,
            name,
            nameCount,
            value,
            valueCount,
            _,
            user in
            let peer = HTTP2Peer.of(user)
            guard let stream = frame?.pointee.hd.stream_id else { return 0 }
            let name = String(decoding: UnsafeBufferPointer(start: name, count: nameCount), as: UTF8.self)
            let value = String(decoding: UnsafeBufferPointer(start: value, count: valueCount), as: UTF8.self)
            if name == ":status" {
                peer.answers[stream]?.status = Int(value) ?? 0
            } else {
                peer.answers[stream]?.headers.append((name, value))
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
            guard let frame = frame?.pointee else { return 0 }
            let peer = HTTP2Peer.of(user)
            switch UInt32(frame.hd.type) {
            case NGHTTP2_GOAWAY.rawValue: peer.goAways.append((frame.goaway.last_stream_id, frame.goaway.error_code))
            case NGHTTP2_SETTINGS.rawValue:
                for place in 0..<frame.settings.niv {
                    peer.settings[frame.settings.iv[place].settings_id] = frame.settings.iv[place].value
                }
            case NGHTTP2_HEADERS.rawValue:
                if let status = peer.answers[frame.hd.stream_id]?.status, (100..<200).contains(status) {
                    peer.interim[frame.hd.stream_id] = status
                    peer.answers[frame.hd.stream_id]?.headers = []
                }
            default: break
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, stream, bytes, count, user in
            HTTP2Peer.of(user).answers[stream]?.body += UnsafeBufferPointer(start: bytes, count: count)
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, stream, code, user in
            HTTP2Peer.of(user).closed.append((stream, code))
            return 0
        }
    }
}

@available(*, unavailable)
extension HTTP2Peer: Sendable {}
