// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto

/// A Merkle tree hash (RFC 6962, section 2.1): 32 bytes of SHA-256.
///
/// An array of them lies in memory as a hash tile does in its file.
public struct TreeHash: Hashable, Sendable {
    /// Bytes of a hash.
    public static let size = 32

    private var lanes: SIMD32<UInt8>

    /// nil unless there are 32 bytes.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.size else { return nil }
        lanes = SIMD32(bytes)
    }

    /// nil unless the text is the base64 of 32 bytes.
    public init?(base64 text: some Collection<UInt8>) {
        guard let bytes = Base64.decode(text) else { return nil }
        self.init(bytes)
    }

    /// Lets the closure write all 32 bytes.
    init(_ write: (UnsafeMutableRawBufferPointer) -> Void) {
        lanes = SIMD32()
        withUnsafeMutableBytes(of: &lanes) { write($0) }
    }

    /// The 32 bytes.
    public var bytes: [UInt8] { withUnsafeBytes { Array($0) } }

    /// The 32 bytes where they lie, during the call.
    public func withUnsafeBytes<Value, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try Swift.withUnsafeBytes(of: lanes) { (bytes) throws(Failure) in try body(bytes) }
    }

    /// Of a tree without leaves: SHA-256 of nothing.
    public static let empty = TreeHash { out in
        var digest = SHA256Digest()
        digest.finish(into: out)
    }
}

extension TreeHash: CustomStringConvertible {
    /// Base64, as in checkpoints and proofs: 44 characters.
    public var description: String { Base64.encode(bytes) }
}
