// SPDX-License-Identifier: Apache-2.0

/// One record in a segment: 24 bytes of head, all little-endian, then the payload.
///
/// | offset | bytes | content |
/// |---|---|---|
/// | 0 | 4 | CRC-32C of all that follows, payload included |
/// | 4 | 4 | length of the payload, 1 to 65,535 |
/// | 8 | 8 | the record's index |
/// | 16 | 8 | how many records were synced to the disk when this one was written |
///
/// The index makes a misplaced frame visible. The synced count tells a torn tail from damage: what a frame calls synced
/// must be there, what it does not may have been lost with the power.
struct Frame {
    static let headSize = 24

    let length: Int
    let index: UInt64
    let synced: UInt64

    /// Bytes of head and payload.
    var size: Int { Self.headSize + length }

    /// Appends a frame to `out`.
    static func append(_ payload: UnsafeRawBufferPointer, index: UInt64, synced: UInt64, to out: inout [UInt8]) {
        let start = out.count
        withUnsafeTemporaryAllocation(byteCount: headSize, alignment: 8) { head in
            head.storeBytes(of: UInt32(0), as: UInt32.self)
            head.storeBytes(of: UInt32(payload.count).littleEndian, toByteOffset: 4, as: UInt32.self)
            head.storeBytes(of: index.littleEndian, toByteOffset: 8, as: UInt64.self)
            head.storeBytes(of: synced.littleEndian, toByteOffset: 16, as: UInt64.self)
            out.append(contentsOf: UnsafeRawBufferPointer(head))
        }
        out.append(contentsOf: payload)
        out.withUnsafeMutableBytes { bytes in
            let crc = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[(start + 4)...]))
            bytes.storeBytes(of: crc.littleEndian, toByteOffset: start, as: UInt32.self)
        }
    }

    /// The head of a frame; nil when the length cannot be one. `bytes` holds at least ``headSize``.
    init?(head bytes: UnsafeRawBufferPointer) {
        let length = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        guard (1...UInt32(AuditRecord.maximumBytes)).contains(length) else { return nil }
        self.length = Int(length)
        index = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        synced = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
    }

    /// Whether the checksum is right. `bytes` holds at least ``size``.
    func isIntact(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let crc = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt32.self))
        return crc == CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[4..<size]))
    }
}
