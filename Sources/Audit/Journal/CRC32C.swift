// SPDX-License-Identifier: Apache-2.0

import CCRC32C

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4), eight bytes at a step.
enum CRC32C {
    static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        isNative ? ~crc32c_native(~0, bytes.baseAddress, bytes.count) : byTable(bytes)
    }

    /// The checksums of three pieces, which take little longer than one when they are of about the same length.
    static func checksums(
        _ a: UnsafeRawBufferPointer,
        _ b: UnsafeRawBufferPointer,
        _ c: UnsafeRawBufferPointer
    ) -> (UInt32, UInt32, UInt32) {
        guard isNative else { return (byTable(a), byTable(b), byTable(c)) }
        let shared = min(a.count, b.count, c.count) & ~7
        return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 3) { states in
            states.initialize(repeating: ~0)
            crc32c_native_three(states.baseAddress, a.baseAddress, b.baseAddress, c.baseAddress, shared)
            func end(_ bytes: UnsafeRawBufferPointer, _ state: UInt32) -> UInt32 {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[shared...])
                return ~crc32c_native(state, rest.baseAddress, rest.count)
            }
            return (end(a, states[0]), end(b, states[1]), end(c, states[2]))
        }
    }

    private static let isNative = crc32c_is_native() != 0

    /// For processors without an instruction for it.
    static func byTable(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        tables.withUnsafeBufferPointer { table in
            var crc = ~UInt32(0)
            var next = 0
            while next + 8 <= bytes.count {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: next, as: UInt64.self))
                let low = UInt32(truncatingIfNeeded: word) ^ crc
                let high = UInt32(truncatingIfNeeded: word >> 32)
                crc =
                    table[7 * 256 + Int(low & 255)] ^ table[6 * 256 + Int(low >> 8 & 255)]
                    ^ table[5 * 256 + Int(low >> 16 & 255)] ^ table[4 * 256 + Int(low >> 24)]
                    ^ table[3 * 256 + Int(high & 255)] ^ table[2 * 256 + Int(high >> 8 & 255)]
                    ^ table[256 + Int(high >> 16 & 255)] ^ table[Int(high >> 24)]
                next += 8
            }
            while next < bytes.count {
                crc = crc >> 8 ^ table[Int((crc ^ UInt32(bytes[next])) & 255)]
                next += 1
            }
            return ~crc
        }
    }

    /// Table k holds the effect of a byte that k more bytes follow.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var crc = UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82f6_3b78 : crc >> 1 }
            tables[byte] = crc
        }
        for k in 1..<8 {
            for byte in 0..<256 {
                let previous = tables[(k - 1) * 256 + byte]
                tables[k * 256 + byte] = previous >> 8 ^ tables[Int(previous & 255)]
            }
        }
        return tables
    }()
}
