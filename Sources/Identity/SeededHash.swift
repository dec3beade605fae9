// SPDX-License-Identifier: Apache-2.0

/// A fast hash of bytes under a random seed: folded 64-bit multiplications, as in wyhash.
///
/// For tables alone. Who does not know the seed cannot choose texts that share a bucket; it is no MAC.
struct SeededHash {
    private let a: UInt64
    private let b: UInt64

    init() {
        a = .random(in: .min ... .max)
        b = .random(in: .min ... .max)
    }

    func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var state = a ^ UInt64(bytes.count)
        var next = 0
        while next + 16 <= bytes.count {
            let low = bytes.loadUnaligned(fromByteOffset: next, as: UInt64.self)
            let high = bytes.loadUnaligned(fromByteOffset: next + 8, as: UInt64.self)
            state = Self.fold(low ^ state, high ^ b)
            next += 16
        }
        var low: UInt64 = 0
        var high: UInt64 = 0
        for (position, byte) in bytes[next...].enumerated() {
            if position < 8 {
                low |= UInt64(byte) << (position * 8)
            } else {
                high |= UInt64(byte) << (position * 8 - 64)
            }
        }
        return Self.fold(Self.fold(low ^ state, high ^ b), a)
    }

    /// Both halves of the product, so that every input bit reaches every output bit.
    private static func fold(_ x: UInt64, _ y: UInt64) -> UInt64 {
        let product = x.multipliedFullWidth(by: y)
        return product.high ^ product.low
    }
}
