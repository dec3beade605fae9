// SPDX-License-Identifier: Apache-2.0

/// Writes numbers as digits without a String in between.
enum Decimal {
    /// Writes 1 to 20 digits and returns how many.
    static func write(_ value: UInt64, to out: UnsafeMutableRawPointer) -> Int {
        let count = digits(value)
        var value = value
        var at = count
        repeat {
            at &-= 1
            let (quotient, remainder) = value.quotientAndRemainder(dividingBy: 10)
            out.storeBytes(of: 0x30 &+ UInt8(truncatingIfNeeded: remainder), toByteOffset: at, as: UInt8.self)
            value = quotient
        } while value > 0
        return count
    }

    private static func digits(_ value: UInt64) -> Int {
        var count = 1
        var bound: UInt64 = 10
        while count < 20, value >= bound {
            count += 1
            let (product, overflows) = bound.multipliedReportingOverflow(by: 10)
            if overflows { return count }
            bound = product
        }
        return count
    }
}
