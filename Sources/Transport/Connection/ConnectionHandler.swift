// SPDX-License-Identifier: Apache-2.0

/// Who reads and writes a connection. Every call comes on the connection's loop, and none from within another.
public protocol ConnectionHandler: AnyObject {
    /// The handshake is done; ``Connection/agreement`` says on what.
    func connected(_ connection: Connection)
    /// Decrypted bytes, valid during the call; the handler takes all of them.
    func received(_ connection: Connection, _ bytes: UnsafeRawBufferPointer)
    /// The peer sends no more: ``Connection/inbound`` says whether it said so. Answers may still leave; when the last
    /// is written, or if there is none, the handler calls ``Connection/close()``.
    func peerEnded(_ connection: Connection)
    /// Pending output had passed the high-water mark and is under the low one again.
    func outputDrained(_ connection: Connection)
    /// The time of ``Connection/setDeadline(_:)`` has passed.
    func deadlinePassed(_ connection: Connection)
    /// The connection is to end once what it has begun is answered.
    func drain(_ connection: Connection)
    /// The last call, exactly once for each connection the handler was made for.
    func closed(_ connection: Connection, _ reason: CloseReason)
}
