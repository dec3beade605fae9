// SPDX-License-Identifier: Apache-2.0

import CNGHTTP2

@testable import HTTP

/// nghttp2's client side in memory, for talking to a session as its users do.
final class HTTP2Client {
    /// What came back on a stream.
    struct Response {
        var fields: [String: String] = [:]
        var informational: [String] = []
        var body: [UInt8] = []
        var isWhole = false
        var closeCode: UInt32?
        var status: String? { fields[":status"] }
    }

    var responses: [Int32: Response] = [:]
    var goAways: [(last: Int32, code: UInt32)] = []
    var settings: [Int32: UInt32] = [:]
    /// Whether windows open again by themselves.
    let opensWindows: Bool
    private var session: OpaquePointer!  // made in the initialiser, which needs self for it
    private var bodies: [Int32: (bytes: [UInt8], at: Int)] = [:]

    init(streamWindow: UInt32? = nil, opensWindows: Bool = true, magic: Bool = true) {
        self.opensWindows = opensWindows
        var callbacks: OpaquePointer?
        var option: OpaquePointer?
        nghttp2_session_callbacks_new(&callbacks)
        nghttp2_option_new(&option)
        defer {
            nghttp2_session_callbacks_del(callbacks)
            nghttp2_option_del(option)
        }
        nghttp2_option_set_no_auto_window_update(option, opensWindows ? 0 : 1)
        nghttp2_option_set_no_http_messaging(option, 1)
        nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _,
            frame,
            name,
            nameCount,
            value,
            valueCount,
            _,
            user in
            let name = String(decoding: UnsafeBufferPointer(start: name, count: nameCount), as: UTF8.self)
            let value = String(decoding: UnsafeBufferPointer(start: value, count: valueCount), as: UTF8.self)
            HTTP2Client.of(user).responses[frame!.pointee.hd.stream_id, default: .init()].fields[name] = value
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
            HTTP2Client.of(user).received(frame!.pointee)
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, id, bytes, count, user in
            HTTP2Client.of(user).responses[id, default: .init()].body += UnsafeBufferPointer(start: bytes, count: count)
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, code, user in
            HTTP2Client.of(user).responses[id, default: .init()].closeCode = code
            return 0
        }
        nghttp2_session_client_new2(&session, callbacks, Unmanaged.passUnretained(self).toOpaque(), option)
        let settings = streamWindow.map {
            [nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: $0)]
        }
        nghttp2_submit_settings(session, 0, settings ?? [], settings?.count ?? 0)
    }

    deinit { nghttp2_session_del(session) }

    /// Sends a request; `body` nil ends the stream with its head, `ends` false leaves it open behind its head.
    @discardableResult
    func request(_ fields: [(String, String)], body: [UInt8]? = nil, ends: Bool = true) -> Int32 {
        withPairs(fields) { pairs in
            guard let body else {
                let flags = ends ? UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) : 0
                return nghttp2_submit_headers(session, flags, -1, nil, pairs.baseAddress, pairs.count, nil)
            }
            var provider = nghttp2_data_provider()
            provider.read_callback = { _, id, buffer, room, flags, _, user in
                HTTP2Client.of(user).read(id, buffer!, room, flags!)
            }
            let id = nghttp2_submit_request(session, nil, pairs.baseAddress, pairs.count, &provider, nil)
            bodies[id] = (body, 0)
            return id
        }
    }

    /// A request as `POST /predict`.
    @discardableResult
    func post(_ body: [UInt8], _ more: [(String, String)] = []) -> Int32 {
        request(HTTP2Client.head("POST") + more, body: body)
    }

    static func head(_ method: String, path: String = "/predict") -> [(String, String)] {
        [(":method", method), (":scheme", "https"), (":path", path), (":authority", "localhost")]
    }

    func trailers(_ id: Int32, _ fields: [(String, String)]) {
        withPairs(fields) { pairs in
            _ = nghttp2_submit_headers(
                session,
                UInt8(NGHTTP2_FLAG_END_STREAM.rawValue),
                id,
                nil,
                pairs.baseAddress,
                pairs.count,
                nil
            )
        }
    }

    func reset(_ id: Int32) { nghttp2_submit_rst_stream(session, 0, id, UInt32(NGHTTP2_CANCEL.rawValue)) }
    func ping() { nghttp2_submit_ping(session, 0, nil) }
    func openWindow(_ id: Int32, _ count: Int32) { nghttp2_submit_window_update(session, 0, id, count) }

    /// Everything that waits to be sent.
    func output() -> [UInt8] {
        var all: [UInt8] = []
        while true {
            var bytes: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &bytes)
            guard count > 0 else { return all }
            all += UnsafeBufferPointer(start: bytes, count: count)
        }
    }

    func receive(_ bytes: [UInt8]) { nghttp2_session_mem_recv(session, bytes, bytes.count) }

    private func received(_ frame: nghttp2_frame) {
        switch UInt32(frame.hd.type) {
        case NGHTTP2_HEADERS.rawValue:
            let id = frame.hd.stream_id
            if let status = responses[id]?.status, status.hasPrefix("1") {
                responses[id]?.fields[":status"] = nil
                responses[id]?.informational.append(status)
            }
            if frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 { responses[id]?.isWhole = true }
        case NGHTTP2_DATA.rawValue:
            if frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 {
                responses[frame.hd.stream_id]?.isWhole = true
            }
        case NGHTTP2_GOAWAY.rawValue:
            goAways.append((frame.goaway.last_stream_id, frame.goaway.error_code))
        case NGHTTP2_SETTINGS.rawValue:
            for at in 0..<frame.settings.niv {
                settings[frame.settings.iv[at].settings_id] = frame.settings.iv[at].value
            }
        default: break
        }
    }

    private func read(
        _ id: Int32,
        _ buffer: UnsafeMutablePointer<UInt8>,
        _ room: Int,
        _ flags: UnsafeMutablePointer<UInt32>
    ) -> Int {
        guard let (bytes, at) = bodies[id] else { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
        let count = min(room, bytes.count - at)
        for offset in 0..<count { buffer[offset] = bytes[at + offset] }
        bodies[id] = (bytes, at + count)
        if at + count == bytes.count { flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
        return count
    }

    private func withPairs<R>(_ fields: [(String, String)], _ body: (UnsafeBufferPointer<nghttp2_nv>) -> R) -> R {
        var bytes: [UInt8] = []
        for (name, value) in fields { bytes += Array(name.utf8) + Array(value.utf8) }
        return bytes.withUnsafeMutableBufferPointer { buffer in
            var at = 0
            let pairs = fields.map { name, value in
                let start = (buffer.baseAddress ?? UnsafeMutablePointer(bitPattern: 1)!) + at
                at += name.utf8.count + value.utf8.count
                return nghttp2_nv(
                    name: start,
                    value: start + name.utf8.count,
                    namelen: name.utf8.count,
                    valuelen: value.utf8.count,
                    flags: 0
                )
            }
            return pairs.withUnsafeBufferPointer(body)
        }
    }

    private static func of(_ user: UnsafeMutableRawPointer?) -> HTTP2Client {
        Unmanaged<HTTP2Client>.fromOpaque(user!).takeUnretainedValue()
    }
}
