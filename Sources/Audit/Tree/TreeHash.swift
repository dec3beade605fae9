// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto

/// A Merkle tree hash (RFC 6962, section 2.1): 32 bytes of SHA-256.
///
/// An array of them lies in memory as a hash tile does in its file.
public struct TreeHash: Hashable, Sendable {
    /// Bytes of a hash.
    public static let size = 32

    /// The 32 bytes as they lie in memory: not SIMD, whose alignment would make holes in whatever holds a hash.
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    /// nil unless there are 32 bytes.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.size else { return nil }
        Swift.withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
    }

    /// nil unless the text is the base64 of 32 bytes.
    public init?(base64 text: some Collection<UInt8>) {
        guard let bytes = Base64.decode(text) else { return nil }
        self.init(bytes)
    }

    /// Lets the closure write all 32 bytes.
    init(_ write: (UnsafeMutableRawBufferPointer) -> Void) {
        withUnsafeMutableBytes(of: &words) { write($0) }
    }

    /// The 32 bytes.
    public var bytes: [UInt8] { withUnsafeBytes { Array($0) } }

    /// The 32 bytes where they lie, during the call.
    public func withUnsafeBytes<Value, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try Swift.withUnsafeBytes(of: words) { (bytes) throws(Failure) in try body(bytes) }
    }

    /// Compares all 32 bytes.
    public static func == (a: TreeHash, b: TreeHash) -> Bool { a.words == b.words }

    /// Any of the bytes tell hashes apart.
    public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }

    /// Of a tree without leaves: SHA-256 of nothing.
    public static let empty = TreeHash { out in
        var digest = SHA256Digest()
        digest.finish(into: out)
    }
}

extension TreeHash {
    /// Bytes of ``description``.
    public static let textSize = 44

    /// Writes ``description``'s bytes, for who cannot wait for a String.
    public func write(to out: UnsafeMutablePointer<UInt8>) {
        withUnsafeBytes { bytes in
            var place = 0
            for group in 0..<10 {
                let bits =
                    UInt32(bytes[3 * group]) << 16 | UInt32(bytes[3 * group + 1]) << 8 | UInt32(bytes[3 * group + 2])
                for shift in stride(from: UInt32(18), through: 0, by: -6) {
                    out[place] = Self.digit(bits >> shift & 63)
                    place += 1
                }
            }
            // Two bytes are left: three characters and a pad.
            let bits = UInt32(bytes[30]) << 16 | UInt32(bytes[31]) << 8
            for shift in stride(from: UInt32(18), through: 6, by: -6) {
                out[place] = Self.digit(bits >> shift & 63)
                place += 1
            }
            out[place] = UInt8(ascii: "=")
        }
    }

    private static func digit(_ value: UInt32) -> UInt8 {
        switch value {
        case 0..<26: UInt8(65 + value)
        case 26..<52: UInt8(71 + value)
        case 52..<62: UInt8(value) - 4
        case 62: UInt8(ascii: "+")
        default: UInt8(ascii: "/")
        }
    }
}

extension TreeHash: CustomStringConvertible {
    /// Base64, as in checkpoints and proofs: 44 characters.
    public var description: String { Base64.encode(bytes) }
}
