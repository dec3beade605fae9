// SPDX-License-Identifier: Apache-2.0

import CNGHTTP2

/// nghttp2's callbacks, each a step to the session's method of the same event.
extension HTTP2Session {
    static func setCallbacks(_ callbacks: OpaquePointer?) {
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, user in
            guard let frame else { return 0 }
            return HTTP2Session.of(user).beganHeaders(frame)
        }
        nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _,
            _,
            name,
            nameCount,
            value,
            valueCount,
            _,
            user in
            HTTP2Session.of(user).field(
                UnsafeRawBufferPointer(start: name, count: nameCount),
                UnsafeRawBufferPointer(start: value, count: valueCount)
            )
        }
        nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks) {
            _,
            _,
            name,
            nameCount,
            value,
            valueCount,
            _,
            user in
            let session = HTTP2Session.of(user)
            session.assembler.refuseField()
            return session.field(
                UnsafeRawBufferPointer(start: name, count: nameCount),
                UnsafeRawBufferPointer(start: value, count: valueCount)
            )
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
            guard let frame else { return 0 }
            return HTTP2Session.of(user).received(frame)
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, id, bytes, count, user in
            HTTP2Session.of(user).receivedData(id, UnsafeRawBufferPointer(start: bytes, count: count))
            return 0
        }
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks) { _, _, error, user in
            HTTP2Session.of(user).receivedInvalid(error)
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, code, user in
            HTTP2Session.of(user).closed(id, HTTP2ErrorCode(rawValue: code))
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, user in
            guard let frame else { return 0 }
            HTTP2Session.of(user).sent(frame)
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks) { _, frame, _, user in
            guard let frame else { return 0 }
            HTTP2Session.of(user).failedToSend(frame)
            return 0
        }
        nghttp2_session_callbacks_set_send_data_callback(callbacks) { _, _, header, count, source, user in
            guard let header, let source else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            return HTTP2Session.of(user).framedData(header, count, slot: Int(source.pointee.fd))
        }
    }

    @inline(__always)
    static func of(_ user: UnsafeMutableRawPointer?) -> HTTP2Session {
        // Set in the initialiser, and the session is alive while one of its methods calls nghttp2.
        Unmanaged<HTTP2Session>.fromOpaque(user.unsafelyUnwrapped).takeUnretainedValue()
    }
}
