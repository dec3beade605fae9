// SPDX-License-Identifier: Apache-2.0

/// Why a session ended before its peer wished it: what the last `GOAWAY` was for.
public enum HTTP2EndReason: Hashable, Sendable {
    /// Streams opened and reset, over and over (CVE-2023-44487).
    case rapidReset
    /// A header block in more bytes or `CONTINUATION` frames than it may have (CVE-2024-27316 and its kin).
    case continuationFlood
    /// A small header block that unpacks into a list far over the limit.
    case headerBomb
    /// `PING` beyond any use (CVE-2019-9512).
    case pingFlood
    /// `SETTINGS` beyond any use (CVE-2019-9515).
    case settingsFlood
    /// Priorities over and over (CVE-2019-9513).
    case priorityFlood
    /// `WINDOW_UPDATE` out of all proportion to the data sent.
    case windowUpdateFlood
    /// `DATA` or `CONTINUATION` without content (CVE-2019-9518).
    case emptyFrameFlood
    /// Frames of types that are not known here.
    case unknownFrameFlood
    /// Requests that cannot be taken, one after the other: malformed, over the limit, or on a closed stream.
    case malformedFlood
    /// The peer causes frames and does not read them (CVE-2019-9517).
    case outputQueueFull
    /// A head came too slowly.
    case headTimeout
    /// The bytes are no HTTP/2.
    case prefaceInvalid
    /// Another rule of RFC 9113 was broken; the code is the one of the `GOAWAY`.
    case violation(HTTP2ErrorCode)
    /// nghttp2 failed, as when there is no memory.
    case failed

    /// The code in the `GOAWAY`.
    public var errorCode: HTTP2ErrorCode {
        switch self {
        case .rapidReset, .continuationFlood, .headerBomb, .pingFlood, .settingsFlood, .priorityFlood,
            .windowUpdateFlood, .emptyFrameFlood, .unknownFrameFlood, .malformedFlood, .outputQueueFull,
            .headTimeout:
            .enhanceYourCalm
        case .prefaceInvalid: .protocolError
        case .violation(let code): code
        case .failed: .internalError
        }
    }

    /// A word for metrics and logs.
    public var name: StaticString {
        switch self {
        case .rapidReset: "rapid_reset"
        case .continuationFlood: "continuation_flood"
        case .headerBomb: "header_bomb"
        case .pingFlood: "ping_flood"
        case .settingsFlood: "settings_flood"
        case .priorityFlood: "priority_flood"
        case .windowUpdateFlood: "window_update_flood"
        case .emptyFrameFlood: "empty_frame_flood"
        case .unknownFrameFlood: "unknown_frame_flood"
        case .malformedFlood: "malformed_flood"
        case .outputQueueFull: "output_queue_full"
        case .headTimeout: "header_timeout"
        case .prefaceInvalid: "preface_invalid"
        case .violation: "protocol_violation"
        case .failed: "internal"
        }
    }
}
