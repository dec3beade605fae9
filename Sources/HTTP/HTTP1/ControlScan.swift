// SPDX-License-Identifier: Apache-2.0

/// Looks for bytes by words: a borrow marks a lane, and what it may mark falsely lies behind the first true one.
enum ControlScan {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let tops: UInt64 = 0x8080_8080_8080_8080

    /// The offset of the first control character other than HTAB, or `end`.
    @inline(__always)
    static func first(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var at = start
        while true {
            // Vectors hold for as long as there is nothing; the word with something in it is then looked at alone.
            while at &+ 32 <= end {
                let block = base.loadUnaligned(fromByteOffset: at, as: SIMD4<UInt64>.self)
                let marks = controls(block)
                guard (marks[0] | marks[1]) | (marks[2] | marks[3]) == 0 else { break }
                at &+= 32
            }
            while at &+ 8 <= end {
                let mark = controls(UInt64(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt64.self)))
                if mark != 0 {
                    at &+= mark.trailingZeroBitCount &>> 3
                    break
                }
                at &+= 8
            }
            while at < end, !mayBeControl(base.load(fromByteOffset: at, as: UInt8.self)) { at &+= 1 }
            guard at < end, base.load(fromByteOffset: at, as: UInt8.self) == 0x09 else { return at }
            at &+= 1
        }
    }

    /// The offset of the first `byte`, or `end`.
    @inline(__always)
    static func first(_ byte: UInt8, _ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var at = start
        let pattern = ones &* UInt64(byte)
        while at &+ 8 <= end {
            let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt64.self)) ^ pattern
            let mark = (word &- ones) & ~word & tops
            if mark != 0 { return at &+ mark.trailingZeroBitCount &>> 3 }
            at &+= 8
        }
        while at < end, base.load(fromByteOffset: at, as: UInt8.self) != byte { at &+= 1 }
        return at
    }

    @inline(__always)
    private static func mayBeControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7f }

    /// The top bit of each byte that is below 0x20 or is 0x7f.
    @inline(__always)
    private static func controls(_ word: UInt64) -> UInt64 {
        let delete = word ^ (ones &* 0x7f)
        return (((word &- ones &* 0x20) & ~word) | ((delete &- ones) & ~delete)) & tops
    }

    @inline(__always)
    private static func controls(_ words: SIMD4<UInt64>) -> SIMD4<UInt64> {
        let ones = SIMD4(repeating: Self.ones)
        let delete = words ^ SIMD4(repeating: Self.ones &* 0x7f)
        return (((words &- SIMD4(repeating: Self.ones &* 0x20)) & ~words) | ((delete &- ones) & ~delete))
            & SIMD4(repeating: tops)
    }
}
