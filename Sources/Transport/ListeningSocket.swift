// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A socket that waits for connections: bound here, or inherited from whoever started the program.
///
/// Each loop has one of its own on the same address (SO_REUSEPORT, socket(7)), so that the kernel spreads the
/// connections; an inherited one is shared by all loops.
public final class ListeningSocket: Sendable {
    let descriptor: Int32
    /// The port it is bound to.
    public let port: Int

    /// Binds and listens.
    ///
    /// - Parameters:
    ///   - address: an IPv4 or IPv6 address; `::` takes IPv4 as well.
    ///   - port: 0 takes a free one.
    ///   - backlog: connections that wait to be accepted.
    /// - Throws: ``TransportError`` with what to do about it.
    public init(address: String, port: Int, backlog: Int32 = 4096) throws(TransportError) {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(address, String(port), &hints, &found) == 0, let info = found else {
            throw TransportError(.addressUnavailable, "'\(address)' is no IP address")
        }
        defer { freeaddrinfo(found) }
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(info.pointee.ai_family, kind, 0)
        guard descriptor >= 0 else { throw TransportError(.system, "socket", errno: errno) }
        SocketOption.set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        SocketOption.set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1)
        if info.pointee.ai_family == AF_INET6 {
            SocketOption.set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0)
        }
        guard bind(descriptor, info.pointee.ai_addr, info.pointee.ai_addrlen) == 0, listen(descriptor, backlog) == 0
        else {
            let code = errno
            Glibc.close(descriptor)
            throw Self.error(code)
        }
        self.descriptor = descriptor
        self.port = Self.port(of: descriptor)
    }

    /// Takes over a socket that listens already.
    ///
    /// - Parameter shared: whether another takes it over too; each then holds it by a descriptor of its own.
    /// - Throws: ``TransportError`` when it is none.
    public init(adopting descriptor: Int32, shared: Bool = false) throws(TransportError) {
        var listens: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0, listens == 1 else {
            throw TransportError(.system, "descriptor \(descriptor), which was handed over, is no listening socket")
        }
        let descriptor = shared ? dup(descriptor) : descriptor
        guard descriptor >= 0 else { throw TransportError(.system, "dup", errno: errno) }
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        self.descriptor = descriptor
        port = Self.port(of: descriptor)
    }

    func close() { Glibc.close(descriptor) }

    private static func port(of descriptor: Int32) -> Int {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        _ = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        return SocketAddress(storage).map { Int($0.port) } ?? 0
    }

    private static func error(_ code: Int32) -> TransportError {
        switch code {
        case EADDRINUSE: TransportError(.addressInUse, "another program has that port; end it, or set another port")
        case EACCES, EPERM:
            TransportError(
                .notPermitted,
                "this port needs a privilege the program does not have; set one above 1023"
            )
        case EADDRNOTAVAIL: TransportError(.addressUnavailable, "this machine has no such address")
        default: TransportError(.system, "bind", errno: code)
        }
    }
}
