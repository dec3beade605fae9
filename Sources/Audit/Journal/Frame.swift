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

    /// Writes the head of a frame, but for the checksum, before its payload; `frame` has room for the one and holds the
    /// other.
    static func begin(_ frame: UnsafeMutableRawBufferPointer, index: UInt64, synced: UInt64) {
        frame.storeBytes(of: UInt32(frame.count - headSize).littleEndian, toByteOffset: 4, as: UInt32.self)
        frame.storeBytes(of: index.littleEndian, toByteOffset: 8, as: UInt64.self)
        frame.storeBytes(of: synced.littleEndian, toByteOffset: 16, as: UInt64.self)
    }

    /// What a frame's checksum is of.
    static func checked(_ frame: UnsafeMutableRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: frame[4...])
    }

    /// Writes the checksum of a frame that is complete but for it.
    static func end(_ frame: UnsafeMutableRawBufferPointer, checksum: UInt32) {
        frame.storeBytes(of: checksum.littleEndian, as: UInt32.self)
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
