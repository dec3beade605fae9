// SPDX-License-Identifier: Apache-2.0

internal import CTransport

/// An IP address with a port, held as numbers; text is made only when it is asked for.
public struct SocketAddress: Sendable, Hashable {
    /// The version of the Internet Protocol.
    public enum Version: UInt8, Sendable {
        /// The socket has no address, as one of a socket pair.
        case none = 0
        /// RFC 791.
        case ipv4 = 4
        /// RFC 8200.
        case ipv6 = 6
    }

    /// Bytes 0 to 7 of the address in network order, as a big-endian number; IPv4 takes the first four.
    public let high: UInt64
    /// Bytes 8 to 15 of the address; 0 for IPv4.
    public let low: UInt64
    /// The port, in the machine's byte order.
    public let port: UInt16
    /// Which protocol the address belongs to. An IPv4 client of a socket for both is an IPv4 client.
    public let version: Version
    /// The interface of a link-local IPv6 address (RFC 4007), else 0.
    public let scope: UInt32

    /// Reads an address such as `127.0.0.1` or `::1`; nil when it is none. Names are not looked up.
    public init?(_ text: String, port: UInt16) {
        var address = transport_address()
        guard transport_parse_address(text, &address) == 1 else { return nil }
        address.port = port
        self.init(address)
    }

    init(_ address: transport_address) {
        (high, low) = withUnsafeBytes(of: address.bytes) { bytes in
            (
                UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        port = address.port
        version = Version(rawValue: address.version) ?? .none
        scope = address.scope
    }

    var native: transport_address {
        var address = transport_address()
        withUnsafeMutableBytes(of: &address.bytes) { bytes in
            bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
            bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        address.port = port
        address.version = version.rawValue
        address.scope = scope
        return address
    }

    /// Whom limits count: the IPv4 address, or the first 64 bits of an IPv6 address, which one customer has to itself
    /// (RFC 6177).
    public var source: UInt64 { version == .ipv4 ? high >> 32 : high }

    /// The address without its port, as `192.0.2.1` or `2001:db8::1` (RFC 5952); empty when there is none.
    public var host: String {
        guard version != .none else { return "" }
        var address = native
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
            guard transport_print_address(&address, text.baseAddress, text.count) == 1, let start = text.baseAddress
            else { return "" }
            return String(cString: start)
        }
    }
}

extension SocketAddress: CustomStringConvertible {
    /// `192.0.2.1:443` or `[2001:db8::1]:443` (RFC 3986, section 3.2.2).
    public var description: String {
        switch version {
        case .none: "(no address)"
        case .ipv4: "\(host):\(port)"
        case .ipv6: "[\(host)]:\(port)"
        }
    }
}
