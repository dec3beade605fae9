// SPDX-License-Identifier: Apache-2.0

internal import CTransport
internal import Glibc

/// A TCP socket that takes connections. It is closed with its last reference; an event loop holds one while it
/// accepts.
public final class ListenerSocket: Sendable {
    let descriptor: Int32

    /// Where it listens, with the real port when 0 was asked for.
    public let address: SocketAddress

    /// Whether several event loops wait on this one socket, so that each connection should wake only one of them.
    public let isShared: Bool

    /// Opens one socket for each event loop on the same address; the kernel spreads connections over them
    /// (SO_REUSEPORT, socket(7)).
    ///
    /// - Parameters:
    ///   - host: An IPv4 or IPv6 address; `::` takes both where the system's bindv6only is off.
    ///   - port: 0 lets the system choose.
    ///   - backlog: Connections that may wait for accept, for each socket; the system caps it at somaxconn.
    /// - Throws: ``ListenerError``, with no socket left open. An address that another program listens on is in use also
    ///   when that program set SO_REUSEPORT.
    public static func open(
        host: String,
        port: UInt16,
        count: Int = 1,
        backlog: Int32 = 4096
    ) throws(ListenerError) -> [ListenerSocket] {
        guard let wanted = SocketAddress(host, port: port) else {
            throw ListenerError(
                .invalidAddress,
                "\"\(host)\" is no IPv4 or IPv6 address; write one such as 127.0.0.1 or ::1"
            )
        }
        if port != 0, count > 1 { try probe(wanted) }
        var sockets: [ListenerSocket] = []
        var address = wanted
        for _ in 0..<max(1, count) {
            var native = address.native
            let descriptor = transport_listen(&native, backlog, count > 1 ? 1 : 0)
            guard descriptor >= 0 else { throw ListenerError(binding: address, number: -descriptor) }
            let socket = try ListenerSocket(owning: descriptor, isShared: false)
            address = socket.address
            sockets.append(socket)
        }
        return sockets
    }

    /// Takes over a listening socket that this process was given, for all event loops together.
    ///
    /// - Throws: ``ListenerError`` when the descriptor is not open or does not listen; it is left as it was.
    public convenience init(adopting descriptor: Int32) throws(ListenerError) {
        let result = transport_adopt_listener(descriptor)
        guard result == 0 else {
            throw ListenerError(
                .notListening,
                "descriptor \(descriptor) is no listening socket: \(String(cString: strerror(-result)));"
                    + " check how the process was started"
            )
        }
        try self.init(owning: descriptor, isShared: true)
    }

    /// The sockets that a service manager passed at the start, in its order; none when it passed none.
    ///
    /// The protocol is sd_listen_fds(3): LISTEN_PID is this process, LISTEN_FDS counts descriptors from 3 on. Both
    /// variables are removed, so that a child does not take them for its own; call it before other threads start.
    ///
    /// - Throws: ``ListenerError`` when one of them does not listen.
    public static func inherited() throws(ListenerError) -> [ListenerSocket] {
        let count = passedCount(
            process: getenv("LISTEN_PID").map { String(cString: $0) },
            count: getenv("LISTEN_FDS").map { String(cString: $0) }
        )
        unsetenv("LISTEN_PID")
        unsetenv("LISTEN_FDS")
        unsetenv("LISTEN_FDNAMES")
        var sockets: [ListenerSocket] = []
        for descriptor in 3..<3 + count {
            sockets.append(try ListenerSocket(adopting: descriptor))
        }
        return sockets
    }

    /// How many descriptors the variables pass to this process; none when they are another's, as a parent's.
    static func passedCount(process: String?, count: String?) -> Int32 {
        guard let process = process.flatMap({ Int32($0) }), process == getpid() else { return 0 }
        return min(max(count.flatMap { Int32($0) } ?? 0, 0), 1024)
    }

    private init(owning descriptor: Int32, isShared: Bool) throws(ListenerError) {
        var local = transport_address()
        let result = transport_local_address(descriptor, &local)
        guard result == 0 else {
            close(descriptor)
            throw ListenerError(.system, "a listening socket has no address: \(String(cString: strerror(-result)))")
        }
        self.descriptor = descriptor
        self.isShared = isShared
        address = SocketAddress(local)
    }

    deinit { close(descriptor) }

    /// Fails when somebody listens there: SO_REUSEPORT alone would let two programs of one user share a port unseen.
    private static func probe(_ address: SocketAddress) throws(ListenerError) {
        var native = address.native
        let descriptor = transport_listen(&native, 1, 0)
        guard descriptor >= 0 else { throw ListenerError(binding: address, number: -descriptor) }
        close(descriptor)
    }
}
