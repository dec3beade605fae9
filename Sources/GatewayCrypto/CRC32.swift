// SPDX-License-Identifier: Apache-2.0

/// The cyclic redundancy check of IEEE 802.3, as zlib and gzip use it (RFC 1952, section 8): finds slips, not attacks.
public enum CRC32 {
    /// The check value of the bytes; 0 for none.
    public static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        bytes.withContiguousStorageIfAvailable { checksum($0) } ?? Array(bytes).withUnsafeBufferPointer { checksum($0) }
    }

    private static func checksum(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
        table.withUnsafeBufferPointer { table in
            ~bytes.reduce(UInt32.max) { state, byte in
                table[Int(UInt8(truncatingIfNeeded: state) ^ byte)] ^ state >> 8
            }
        }
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0xedb8_8320 ^ value >> 1 : value >> 1 }
    }
}
