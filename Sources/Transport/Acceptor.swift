// SPDX-License-Identifier: Apache-2.0

import CTransport
import Glibc
import TLS

/// Takes connections from a listening socket on one loop, while the limits allow.
public final class Acceptor {
    /// What an accepted connection may take in time.
    public struct Settings: Sendable, Equatable {
        /// From the accepted connection to the end of its handshake, in nanoseconds.
        public var handshakeNanoseconds: Int64
        /// How long the peer may take nothing of what waits for it, in nanoseconds.
        public var writeNanoseconds: Int64

        /// Times of at least a tenth of a second, which is how exact they are.
        public init(handshakeNanoseconds: Int64, writeNanoseconds: Int64) {
            self.handshakeNanoseconds = handshakeNanoseconds
            self.writeNanoseconds = writeNanoseconds
        }
    }

    /// For the connections that come.
    public var settings: Settings
    // A loop outlives what it watches.
    unowned(unsafe) let loop: EventLoop
    let socket: ListeningSocket
    private let contexts: TLSContextHolder
    private let limits: ConnectionLimits
    private let makeHandler: (Connection) -> any ConnectionHandler
    private let refused: (ConnectionLimits.Refusal) -> Void
    private var isAccepting = true
    private var nextID: UInt64
    /// Given up for a moment when there is no other descriptor, so that who waits can be turned away.
    private var reserve: Int32

    private static let perTurn = 64

    /// Accepts on `loop` from now on; to be called on it, or before it is started.
    ///
    /// - Parameters:
    ///   - handler: makes who reads and writes a new connection, whose handshake is still to come.
    ///   - refused: is told of each connection that was turned away.
    public init(
        _ socket: ListeningSocket,
        on loop: EventLoop,
        contexts: TLSContextHolder,
        limits: ConnectionLimits,
        settings: Settings,
        handler: @escaping (Connection) -> any ConnectionHandler,
        refused: @escaping (ConnectionLimits.Refusal) -> Void
    ) {
        self.socket = socket
        self.loop = loop
        self.contexts = contexts
        self.limits = limits
        self.settings = settings
        makeHandler = handler
        self.refused = refused
        nextID = UInt64(loop.index) << 48 | 1
        reserve = Self.spare()
        loop.add(self)
    }

    deinit { Glibc.close(reserve) }

    /// Takes what waits, then closes the socket: whoever comes behind that is refused by the system.
    public func stop() {
        guard isAccepting else { return }
        accept(atMost: .max)
        isAccepting = false
        loop.unwatch(socket.descriptor)
        socket.close()
    }

    /// Leaves what waits to whoever else holds the socket, and closes this hold on it.
    public func leave() {
        guard isAccepting else { return }
        isAccepting = false
        loop.unwatch(socket.descriptor)
        socket.close()
    }

    func accept() {
        guard isAccepting else { return }
        accept(atMost: Self.perTurn)
    }

    private func accept(atMost count: Int) {
        var count = count
        while count > 0 {
            count -= 1
            var storage = sockaddr_storage()
            var size = UInt32(MemoryLayout<sockaddr_storage>.size)
            let descriptor = transport_accept(socket.descriptor, &storage, &size)
            if descriptor >= 0 {
                take(descriptor, from: storage)
            } else if errno == EMFILE || errno == ENFILE {
                guard turnAway() else { return }
            } else if errno != ECONNABORTED, errno != EINTR {
                return
            }
        }
    }

    private func take(_ descriptor: Int32, from storage: sockaddr_storage) {
        guard let remote = SocketAddress(storage) else {
            Glibc.close(descriptor)
            return
        }
        if let refusal = limits.enter(remote.source) {
            Self.reset(descriptor)
            return refused(refusal)
        }
        SocketOption.set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        let connection = Connection(
            descriptor: descriptor,
            id: nextID,
            remote: remote,
            acceptor: self,
            context: contexts.current
        )
        nextID += 1
        connection.handler = makeHandler(connection)
    }

    /// Without a descriptor to spare a connection would stay in the queue and wake the loop without end.
    private func turnAway() -> Bool {
        guard reserve >= 0 else { return false }
        Glibc.close(reserve)
        let descriptor = transport_accept(socket.descriptor, nil, nil)
        if descriptor >= 0 {
            Self.reset(descriptor)
            refused(.descriptors)
        }
        reserve = Self.spare()
        return descriptor >= 0
    }

    func handshakeEnded(_ remote: SocketAddress) { limits.handshakeEnded() }

    func closed(_ remote: SocketAddress) { limits.leave(remote.source) }

    private static func spare() -> Int32 { open("/dev/null", O_RDONLY | O_CLOEXEC) }

    private static func reset(_ descriptor: Int32) {
        SocketOption.resetOnClose(descriptor)
        Glibc.close(descriptor)
    }
}

@available(*, unavailable)
extension Acceptor: Sendable {}
