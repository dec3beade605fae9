// SPDX-License-Identifier: Apache-2.0

internal import TLS

/// TLS of a connection and the bytes under way in either direction.
///
/// It lies outside of the connection's object because Swift checks each access to a property of an object while it is
/// running, which costs a tenth of a request here. Nothing is lost: it is touched on the loop's thread only, and no
/// handler is called during an access, except for ``Connection/write(_:)``'s closure, which gets the queue and nothing
/// else.
struct ConnectionStream: ~Copyable {
    var handler: (any ConnectionHandler)?
    var inbound = Connection.Inbound.open
    /// Made with the first bytes: who sends none costs no TLS state.
    var tls: TLSConnection?
    /// Plaintext that was written and not sealed yet.
    var output = ByteQueue()
    /// Records that the socket has not taken yet.
    var sealed = ByteQueue()
    /// Ciphertext that came before reading was paused.
    var held = ByteQueue()
}

// Inlined always: an accessor that yields and is called has its frame allocated at each call.
extension Connection {
    var tls: TLSConnection? {
        @inline(__always) _read { yield stream.pointee.tls }
        @inline(__always) _modify { yield &stream.pointee.tls }
    }

    var output: ByteQueue {
        @inline(__always) _read { yield stream.pointee.output }
        @inline(__always) _modify { yield &stream.pointee.output }
    }

    var sealed: ByteQueue {
        @inline(__always) _read { yield stream.pointee.sealed }
        @inline(__always) _modify { yield &stream.pointee.sealed }
    }

    var held: ByteQueue {
        @inline(__always) _read { yield stream.pointee.held }
        @inline(__always) _modify { yield &stream.pointee.held }
    }
}
