// SPDX-License-Identifier: Apache-2.0

import Glibc

/// An IP address and a port.
public struct SocketAddress: Hashable, Sendable {
    /// The address in network order; an IPv4 address is mapped (RFC 4291, section 2.5.5.2).
    let high: UInt64
    let low: UInt64
    /// 0 to 65,535.
    public let port: UInt16
    let isIPv4: Bool

    /// The address alone, for what is counted by source.
    struct Source: Hashable {
        let high: UInt64
        let low: UInt64
    }

    var source: Source { Source(high: high, low: low) }

    /// The address as text: `192.0.2.1`, `2001:db8::1` (RFC 5952).
    public var text: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
            if isIPv4 {
                var address = in_addr(s_addr: UInt32(truncatingIfNeeded: low).bigEndian)
                inet_ntop(AF_INET, &address, text.baseAddress, socklen_t(INET6_ADDRSTRLEN))
            } else {
                var words = (high.bigEndian, low.bigEndian)
                inet_ntop(AF_INET6, &words, text.baseAddress, socklen_t(INET6_ADDRSTRLEN))
            }
            return text.baseAddress.map { String(cString: $0) } ?? ""
        }
    }

    /// An address that the system filled in; nil when it is no IP address.
    init?(_ storage: sockaddr_storage) {
        var storage = storage
        switch Int32(storage.ss_family) {
        case AF_INET:
            let address = withUnsafeBytes(of: &storage) { $0.loadUnaligned(as: sockaddr_in.self) }
            high = 0
            low = 0xffff_0000_0000 | UInt64(UInt32(bigEndian: address.sin_addr.s_addr))
            port = UInt16(bigEndian: address.sin_port)
            isIPv4 = true
        case AF_INET6:
            let (address, bytes) = withUnsafeBytes(of: &storage) {
                ($0.loadUnaligned(as: sockaddr_in6.self), $0.loadUnaligned(fromByteOffset: 8, as: (UInt64, UInt64).self))
            }
            high = UInt64(bigEndian: bytes.0)
            low = UInt64(bigEndian: bytes.1)
            port = UInt16(bigEndian: address.sin6_port)
            isIPv4 = high == 0 && low >> 32 == 0xffff
        default: return nil
        }
    }
}
