// SPDX-License-Identifier: Apache-2.0

import GatewayCrypto

/// Hashes leaves and nodes (RFC 6962, section 2.1), one after the other with one context; for one thread at a time.
///
/// The first byte keeps the two apart, so that no record can pass for an inner node.
public final class TreeHasher {
    private var digest = SHA256Digest()
    /// 0x01, left, right.
    private let pair = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 + 2 * TreeHash.size, alignment: 1)

    /// A hasher of its own context.
    public init() {
        pair[0] = 1
    }

    deinit { pair.deallocate() }

    /// SHA-256(0x00 ‖ record).
    public func leaf(_ record: UnsafeRawBufferPointer) -> TreeHash {
        var prefix: UInt8 = 0
        withUnsafeBytes(of: &prefix) { digest.update($0) }
        digest.update(record)
        return TreeHash { digest.finish(into: $0) }
    }

    /// SHA-256(0x00 ‖ record).
    public func leaf(_ record: [UInt8]) -> TreeHash {
        record.withUnsafeBytes { leaf($0) }
    }

    /// SHA-256(0x01 ‖ left ‖ right).
    public func node(_ left: TreeHash, _ right: TreeHash) -> TreeHash {
        left.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: pair[1...]).copyMemory(from: $0) }
        right.withUnsafeBytes {
            UnsafeMutableRawBufferPointer(rebasing: pair[(1 + TreeHash.size)...]).copyMemory(from: $0)
        }
        digest.update(UnsafeRawBufferPointer(pair))
        return TreeHash { digest.finish(into: $0) }
    }
}

@available(*, unavailable)
extension TreeHasher: Sendable {}
