// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
    import Glibc
#endif

/// An IPv4 or IPv6 address. One that is IPv4 mapped into IPv6 (RFC 4291, section 2.5.5.2) is the IPv4 address.
public struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    let high: UInt64
    let low: UInt64
    let isIPv4: Bool

    init(high: UInt64, low: UInt64, isIPv4: Bool) {
        self.high = high
        self.low = low
        self.isIPv4 = isIPv4
    }

    /// Reads `192.0.2.1` or `2001:db8::1`; nil for anything else, zone names included.
    public init?(_ text: some StringProtocol) {
        let text = String(text)
        guard !text.utf8.contains(0) else { return nil }
        var v4 = in_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            self.init(high: 0, low: UInt64(UInt32(bigEndian: v4.s_addr)), isIPv4: true)
            return
        }
        var v6 = in6_addr()
        guard inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
        let words = withUnsafeBytes(of: &v6) { bytes in
            (0..<2).map { UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self)) }
        }
        if words[0] == 0, words[1] >> 32 == 0xffff {
            self.init(high: 0, low: words[1] & 0xffff_ffff, isIPv4: true)
        } else {
            self.init(high: words[0], low: words[1], isIPv4: false)
        }
    }

    /// The usual text (RFC 5952 for IPv6).
    public var description: String {
        var out = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        if isIPv4 {
            var address = in_addr(s_addr: UInt32(truncatingIfNeeded: low).bigEndian)
            inet_ntop(AF_INET, &address, &out, socklen_t(out.count))
        } else {
            var words = (high.bigEndian, low.bigEndian)
            inet_ntop(AF_INET6, &words, &out, socklen_t(out.count))
        }
        return String(decoding: out.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// A block of addresses in CIDR notation (RFC 4632, section 3.1): `192.0.2.0/24`, `2001:db8::/32`.
public struct IPNetwork: Hashable, Sendable, CustomStringConvertible {
    private let address: IPAddress
    private let prefixLength: UInt8

    /// Reads a block, or a single address as the block of itself; nil for anything else, and for a block whose address
    /// has bits behind the prefix, since such a text is mostly a mistake.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(parts[0]) else { return nil }
        let width: UInt8 = address.isIPv4 ? 32 : 128
        var length = width
        if parts.count == 2 {
            let isPlain = !parts[1].isEmpty && parts[1].utf8.allSatisfy { (48...57).contains($0) }
            guard isPlain, parts[1].first != "0" || parts[1] == "0", let number = UInt8(parts[1]), number <= width
            else {
                return nil
            }
            length = number
        }
        self.address = address
        prefixLength = length
        let mask = Self.mask(length, isIPv4: address.isIPv4)
        guard address.high & ~mask.high == 0, address.low & ~mask.low == 0 else { return nil }
    }

    /// Whether the address lies in the block; an IPv6 block holds no IPv4 address.
    public func contains(_ other: IPAddress) -> Bool {
        guard other.isIPv4 == address.isIPv4 else { return false }
        let mask = Self.mask(prefixLength, isIPv4: other.isIPv4)
        return other.high & mask.high == address.high && other.low & mask.low == address.low
    }

    /// In CIDR notation, always with the prefix length.
    public var description: String { "\(address)/\(prefixLength)" }

    private static func mask(_ length: UInt8, isIPv4: Bool) -> (high: UInt64, low: UInt64) {
        if isIPv4 { return (~0, length == 0 ? ~0 << 32 : ~0 << (32 - UInt64(length))) }
        // Swift's shifts give 0 when all bits leave.
        return length <= 64
            ? (~0 << (64 - UInt64(length)), 0) : (~0, ~0 << (128 - UInt64(length)))
    }
}
