// SPDX-License-Identifier: Apache-2.0

/// How far bytes are zero, as they are in the room behind a segment's last record; eight at a step.
enum Zeros {
    /// Zeros at the beginning.
    static func prefix(of bytes: UnsafeRawBufferPointer) -> Int {
        var next = 0
        while next + 8 <= bytes.count, bytes.loadUnaligned(fromByteOffset: next, as: UInt64.self) == 0 { next += 8 }
        while next < bytes.count, bytes[next] == 0 { next += 1 }
        return next
    }

    /// Zeros at the end.
    static func suffix(of bytes: UnsafeRawBufferPointer) -> Int {
        var end = bytes.count
        while end >= 8, bytes.loadUnaligned(fromByteOffset: end - 8, as: UInt64.self) == 0 { end -= 8 }
        while end > 0, bytes[end - 1] == 0 { end -= 1 }
        return bytes.count - end
    }
}
