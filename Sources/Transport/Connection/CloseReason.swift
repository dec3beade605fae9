// SPDX-License-Identifier: Apache-2.0

public import TLS

/// How a connection ended.
public enum CloseReason: Sendable {
    /// This side closed it, and its output left.
    case local
    /// The peer had ended its side with close_notify, and what was due to it left.
    case peer
    /// The peer's bytes ended without close_notify (RFC 8446, section 6.1): they may have been cut short on the way.
    case truncated
    /// The socket failed; an error number of errno.h, most often ECONNRESET.
    case reset(Int32)
    /// This side gave it up with ``Connection/abort()``.
    case aborted
    /// The peer took nothing of what was due to it for too long.
    case writeStalled
    /// The handshake failed.
    case handshake(TLSError)
    /// The handshake took too long.
    case handshakeTimeout
    /// The handshake had to make room for others: there were too many.
    case displaced
    /// The peer went away before the handshake was done.
    case closedDuringHandshake
    /// The peer broke the protocol after the handshake, or a record was damaged on the way.
    case protocolViolation(TLSError)
    /// The event loop stopped.
    case stopped

    /// The reason as a word, for metrics.
    public var label: StaticString {
        switch self {
        case .local: "local"
        case .peer: "peer"
        case .truncated: "truncated"
        case .reset: "reset"
        case .aborted: "aborted"
        case .writeStalled: "write_stalled"
        case .handshake: "handshake"
        case .handshakeTimeout: "handshake_timeout"
        case .displaced: "displaced"
        case .closedDuringHandshake: "closed_during_handshake"
        case .protocolViolation: "protocol_violation"
        case .stopped: "stopped"
        }
    }
}
