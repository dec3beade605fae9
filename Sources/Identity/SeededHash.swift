// SPDX-License-Identifier: Apache-2.0

/// A fast hash of bytes under a random seed: folded 64-bit multiplications, as in wyhash, four of them side by side.
///
/// For tables alone: who does not know the seed cannot choose texts that share a bucket, but it is no MAC, and no digest
/// either. A table must compare the whole text. It does so only for an equal hash, so the time that the comparison takes
/// tells who tries nothing: without the seed, none but the right text gets that far.
struct SeededHash {
    private typealias Lanes = (UInt64, UInt64, UInt64, UInt64)

    private let seeds: Lanes
    private let keys: Lanes

    init() {
        func word() -> UInt64 { .random(in: .min ... .max) }
        seeds = (word(), word(), word(), word())
        keys = (word(), word(), word(), word())
    }

    func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var state = seeds.0 ^ UInt64(bytes.count)
        var next = 0
        if bytes.count >= 64 {
            var lanes = (state, seeds.1, seeds.2, seeds.3)
            repeat {
                lanes.0 = Self.fold(bytes, next, lanes.0, keys.0)
                lanes.1 = Self.fold(bytes, next &+ 16, lanes.1, keys.1)
                lanes.2 = Self.fold(bytes, next &+ 32, lanes.2, keys.2)
                lanes.3 = Self.fold(bytes, next &+ 48, lanes.3, keys.3)
                next &+= 64
            } while next &+ 64 <= bytes.count
            state = Self.fold(lanes.0 ^ keys.1, lanes.1 ^ keys.2) ^ Self.fold(lanes.2 ^ keys.3, lanes.3 ^ keys.0)
        }
        while next &+ 16 <= bytes.count {
            state = Self.fold(bytes, next, state, keys.0)
            next &+= 16
        }
        // The last bytes, with some before them again where there are.
        if bytes.count >= 16 { return Self.fold(Self.fold(bytes, bytes.count &- 16, state, keys.1), seeds.0) }
        var low: UInt64 = 0
        var high: UInt64 = 0
        for position in 0..<bytes.count {
            if position < 8 {
                low |= UInt64(bytes[position]) &<< (position &* 8)
            } else {
                high |= UInt64(bytes[position]) &<< (position &* 8 &- 64)
            }
        }
        return Self.fold(Self.fold(low ^ state, high ^ keys.1), seeds.0)
    }

    @inline(__always)
    private static func fold(_ bytes: UnsafeRawBufferPointer, _ place: Int, _ state: UInt64, _ key: UInt64) -> UInt64 {
        fold(
            bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self) ^ state,
            bytes.loadUnaligned(fromByteOffset: place &+ 8, as: UInt64.self) ^ key
        )
    }

    /// Both halves of the product, so that every input bit reaches every output bit.
    @inline(__always)
    private static func fold(_ x: UInt64, _ y: UInt64) -> UInt64 {
        let product = x.multipliedFullWidth(by: y)
        return product.high ^ product.low
    }
}
