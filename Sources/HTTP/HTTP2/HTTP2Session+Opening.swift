// SPDX-License-Identifier: Apache-2.0

import CNGHTTP2

extension HTTP2Session {
    /// nghttp2's session with our options, its first output being our `SETTINGS`.
    static func open(_ limits: HTTP2Limits) -> OpaquePointer {
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
