// SPDX-License-Identifier: Apache-2.0

public import TLS

/// Who reads and writes a connection; every call comes on the connection's loop.
public protocol ConnectionHandler: AnyObject {
    /// The handshake is done and `connection.agreement` says on what; a handler may put another in its place.
    func connected(_ connection: Connection)
    /// Decrypted bytes, valid during the call; the handler takes all of them.
    func received(_ connection: Connection, _ bytes: UnsafeRawBufferPointer)
    /// The peer sends no more; answers may still leave.
    func peerEnded(_ connection: Connection)
    /// What the socket had no room for has left.
    func outputDrained(_ connection: Connection)
    /// The time set by ``Connection/setDeadline(_:)`` has passed.
    func deadlinePassed(_ connection: Connection)
    /// The connection is to end as soon as its requests are answered.
    func drain(_ connection: Connection)
    /// The last call, exactly once.
    func closed(_ connection: Connection, _ reason: CloseReason)
}

/// How a connection ended.
public enum CloseReason: Sendable {
    /// This side ended it.
    case local
    /// The peer ended it, properly with close_notify.
    case peer
    /// The peer's bytes ended without close_notify (RFC 8446, section 6.1): they may have been cut short on the way.
    case truncated
    /// The socket failed; an error number of errno.h.
    case reset(Int32)
    /// The peer took nothing of what was due to it for too long.
    case writeStalled
    /// The handshake came to nothing.
    case handshake(TLSError)
    /// It took too long.
    case handshakeTimeout
    /// The peer broke the TLS protocol behind the handshake.
    case protocolViolation(TLSError)

    /// The reason as a word, for metrics.
    public var label: String {
        switch self {
        case .local: "local"
        case .peer: "peer"
        case .truncated: "truncated"
        case .reset: "reset"
        case .writeStalled: "write_stalled"
        case .handshake: "handshake"
        case .handshakeTimeout: "handshake_timeout"
        case .protocolViolation: "protocol_violation"
        }
    }
}
