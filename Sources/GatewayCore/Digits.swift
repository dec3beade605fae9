// SPDX-License-Identifier: Apache-2.0

/// Writes numbers in decimal without a String in between.
public enum Digits {
    /// The most that a number has.
    public static let most = 20

    /// Writes 1 to ``most`` digits and returns how many.
    public static func write(_ value: UInt64, to out: UnsafeMutableRawPointer) -> Int {
        let count = count(of: value)
        var end = count
        var rest = value
        while rest >= 100 {
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 100)
            end &-= 2
            putPair(remainder, at: out + end)
            rest = quotient
        }
        if rest >= 10 {
            putPair(rest, at: out)
        } else {
            out.storeBytes(of: 0x30 &+ UInt8(truncatingIfNeeded: rest), as: UInt8.self)
        }
        return count
    }

    private static let pairs: StaticString = """
        0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
        5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899
        """

    @inline(__always)
    private static func putPair(_ value: UInt64, at place: UnsafeMutableRawPointer) {
        let digits = UnsafeRawPointer(pairs.utf8Start) + 2 &* Int(truncatingIfNeeded: value)
        place.storeBytes(of: digits.loadUnaligned(as: UInt16.self), as: UInt16.self)
    }

    private static func count(of value: UInt64) -> Int {
        var count = 0
        var rest = value
        while rest >= 10_000 {
            rest /= 10_000
            count &+= 4
        }
        return count &+ (rest < 100 ? (rest < 10 ? 1 : 2) : (rest < 1000 ? 3 : 4))
    }
}
