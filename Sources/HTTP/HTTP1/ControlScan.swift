// SPDX-License-Identifier: Apache-2.0

/// Looks for bytes sixteen at a time.
enum ControlScan {
    /// The offset of the first control character other than HTAB, or `end`.
    @inline(__always)
    static func first(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var at = start
        while at &+ 16 <= end {
            let block = base.loadUnaligned(fromByteOffset: at, as: SIMD16<UInt8>.self)
            if let lane = firstLane(((block .< 0x20) .& (block .!= 0x09)) .| (block .== 0x7f)) { return at &+ lane }
            at &+= 16
        }
        while at < end {
            if ByteClass.isControl(base.load(fromByteOffset: at, as: UInt8.self)) { return at }
            at &+= 1
        }
        return end
    }

    /// The offset of the first `byte`, or `end`.
    @inline(__always)
    static func first(_ byte: UInt8, _ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var at = start
        while at &+ 16 <= end {
            let block = base.loadUnaligned(fromByteOffset: at, as: SIMD16<UInt8>.self)
            if let lane = firstLane(block .== byte) { return at &+ lane }
            at &+= 16
        }
        while at < end {
            if base.load(fromByteOffset: at, as: UInt8.self) == byte { return at }
            at &+= 1
        }
        return end
    }

    /// The mask as two words, since its own reductions are slower.
    @inline(__always)
    private static func firstLane(_ mask: SIMDMask<SIMD16<Int8>>) -> Int? {
        let words = unsafeBitCast(mask, to: SIMD2<UInt64>.self)
        let (low, high) = (UInt64(littleEndian: words[0]), UInt64(littleEndian: words[1]))
        guard low | high != 0 else { return nil }
        return low != 0 ? low.trailingZeroBitCount &>> 3 : 8 &+ high.trailingZeroBitCount &>> 3
    }
}
