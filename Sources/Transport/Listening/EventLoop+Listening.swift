// SPDX-License-Identifier: Apache-2.0

internal import CTransport
internal import Glibc

extension EventLoop {
    /// Accepts connections of `socket` from now on; on the loop, or before its start.
    ///
    /// - Throws: ``LoopError`` when epoll does not watch the socket.
    public func listen(_ socket: ListenerSocket, _ configuration: AcceptorConfiguration) throws(LoopError) {
        let acceptor = Acceptor(socket, configuration, loop: self, index: acceptors.count)
        try acceptor.watch()
        acceptors.append(acceptor)
    }

    /// Sets other times and sizes for what listens with that tag, its open connections among it. On the loop.
    public func apply(_ settings: AcceptorSettings, tag: Int) {
        for acceptor in acceptors where acceptor?.configuration.tag == tag {
            acceptor?.configuration.settings = settings
        }
    }

    /// Takes the connections that wait, then lets go of every listening socket; a socket of which nobody else holds a
    /// reference is closed. On the loop.
    public func stopAccepting() {
        for position in acceptors.indices {
            acceptors[position]?.stop()
            acceptors[position] = nil
        }
    }

    /// Makes a connection of an accepted socket, which the limits have counted.
    func add(_ descriptor: Int32, _ remote: SocketAddress, _ acceptor: Acceptor) {
        let connection = table.insert { id in
            Connection(id: id, descriptor: descriptor, remote: remote, acceptor: acceptor, loop: self)
        }
        let result = transport_epoll_add(
            poller,
            descriptor,
            connection.interest,
            EventToken.connection(connection.id).raw
        )
        connection.handler = acceptor.configuration.makeHandler(connection)
        guard result == 0 else { return connection.end(.reset(-result)) }
        connection.phaseDeadline = now + Self.nanoseconds(acceptor.configuration.settings.handshakeSeconds)
        connection.armTimer()
        handshakes.append(connection.id, now: now) { table[$0]?.phase == .handshaking }
    }

    /// How long a handshake may take in peace when there are too many, in nanoseconds.
    private static let handshakePatience: Int64 = 250_000_000

    /// Ends the handshake that has taken longest, so that a crowd that stalls does not keep everybody else out.
    ///
    /// - Returns: whether there was one that is not quite new.
    func displaceHandshake() -> Bool {
        let oldest = handshakes.popOldest(begunBefore: now - Self.handshakePatience) {
            table[$0]?.phase == .handshaking
        }
        guard let oldest, let connection = table[oldest] else { return false }
        connection.end(.displaced)
        return true
    }
}
