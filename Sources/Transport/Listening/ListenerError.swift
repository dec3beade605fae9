// SPDX-License-Identifier: Apache-2.0

internal import CTransport

/// Why there is no listening socket, and what to do about it.
public struct ListenerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of error, for programs.
    public enum Code: Sendable {
        /// Another program, or this one, listens there already.
        case addressInUse
        /// The port needs a privilege.
        case noPermission
        /// The machine has no such address.
        case addressNotAvailable
        /// The text is no IPv4 or IPv6 address.
        case invalidAddress
        /// A descriptor handed over is no listening socket.
        case notListening
        /// The process has no descriptor left.
        case noDescriptors
        /// Anything else; the description has the system's words.
        case system
    }

    /// The kind of error.
    public let code: Code
    /// What was wrong, where, and what to do.
    public let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    /// The error of socket, bind or listen for `address`; `number` is the system's error number.
    init(binding address: SocketAddress, number: Int32) {
        switch number {
        case EADDRINUSE:
            self.init(
                .addressInUse,
                "cannot listen on \(address): another process listens there; stop it or choose another port"
            )
        case EACCES, EPERM:
            self.init(
                .noPermission,
                "cannot listen on \(address): ports below 1024 need CAP_NET_BIND_SERVICE; grant it or choose a"
                    + " higher port"
            )
        case EADDRNOTAVAIL:
            self.init(
                .addressNotAvailable,
                "cannot listen on \(address): this machine has no such address; use one that it has, or 0.0.0.0 or ::"
            )
        case EMFILE, ENFILE:
            self.init(
                .noDescriptors,
                "cannot listen on \(address): no file descriptor is left; raise the limit (ulimit -n)"
            )
        default:
            self.init(.system, "cannot listen on \(address): \(String(cString: strerror(number)))")
        }
    }
}
