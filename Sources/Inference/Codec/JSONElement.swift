// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
    import Glibc
#endif

/// A tensor element that JSON can hold.
protocol JSONElement {
    /// Reads one element at the cursor, which stands on no space.
    static func scan(_ scanner: inout JSONScanner, into element: inout Self) -> NumberFault

    /// Reads elements and the commas behind them while that is easy; see ``JSONScanner/floats(into:limit:)``.
    static func scanRun(_ scanner: inout JSONScanner, into memory: UnsafeMutablePointer<Self>, limit: Int) -> Int
}

extension JSONElement {
    @inline(__always)
    static func scanRun(_ scanner: inout JSONScanner, into memory: UnsafeMutablePointer<Self>, limit: Int) -> Int { 0 }
}

extension Float: JSONElement {
    /// Rounds to a 64-bit float and then to 32 bits, as a client written in Python does.
    @inline(__always)
    static func scan(_ scanner: inout JSONScanner, into element: inout Float) -> NumberFault {
        var decimal = Decimal()
        let fault = scanner.scanDecimal(&decimal)
        guard fault == .none else { return scanner.nonFinite(fault, into: &element) }
        if let value = decimal.nearestFloat {
            element = value
            return .none
        }
        guard let double = scanner.double(of: decimal), Float(double).isFinite else {
            return scanner.nonFinite(decimal, into: &element)
        }
        element = Float(double)
        return .none
    }
}

extension Float {
    @inline(__always)
    static func scanRun(_ scanner: inout JSONScanner, into memory: UnsafeMutablePointer<Float>, limit: Int) -> Int {
        scanner.floats(into: memory, limit: limit)
    }
}

extension Double: JSONElement {
    static func scan(_ scanner: inout JSONScanner, into element: inout Double) -> NumberFault {
        var decimal = Decimal()
        let fault = scanner.scanDecimal(&decimal)
        guard fault == .none else { return scanner.nonFinite(fault, into: &element) }
        guard let double = decimal.exactDouble ?? scanner.double(of: decimal) else {
            return scanner.nonFinite(decimal, into: &element)
        }
        element = double
        return .none
    }
}

extension Int8: JSONElement {}
extension Int16: JSONElement {}
extension Int32: JSONElement {}
extension Int64: JSONElement {}
extension UInt8: JSONElement {}
extension UInt16: JSONElement {}
extension UInt32: JSONElement {}
extension UInt64: JSONElement {}

extension FixedWidthInteger {
    static func scan(_ scanner: inout JSONScanner, into element: inout Self) -> NumberFault {
        var decimal = Decimal()
        let fault = scanner.scanDecimal(&decimal)
        guard fault == .none else { return fault }
        guard decimal.isInteger else { return .notAnInteger }
        // 19 digits always fit the mantissa; a UInt64 may have a 20th.
        let text = UnsafeBufferPointer(start: scanner.base + decimal.start, count: scanner.next - decimal.start)
        let value = decimal.isTruncated ? Self(String(decoding: text, as: UTF8.self)) : decimal.integer()
        guard let value else { return .outOfRange }
        element = value
        return .none
    }
}

extension Bool: JSONElement {
    static func scan(_ scanner: inout JSONScanner, into element: inout Bool) -> NumberFault {
        for (word, value): (StaticString, Bool) in [("true", true), ("false", false)] {
            let length = word.utf8CodeUnitCount
            guard scanner.next + length <= scanner.count,
                memcmp(scanner.base + scanner.next, word.utf8Start, length) == 0
            else { continue }
            scanner.next += length
            element = value
            return .none
        }
        return .notANumber
    }
}

extension Decimal {
    /// The 32-bit float nearest to the 64-bit float nearest to the number; nil when a slower way must decide.
    ///
    /// A 64-bit estimate is made with at most four roundings and one truncation, so the nearest 64-bit float is within
    /// 8 units in the last place of it. Rounding to 32 bits keeps order: when both ends of that interval round to the
    /// same float, so does everything between.
    @inline(__always)
    var nearestFloat: Float? {
        if mantissa == 0 { return isNegative ? -0.0 : 0.0 }
        guard exponent >= -44, exponent <= 22 else { return nil }
        var estimate = Double(mantissa)
        if exponent < 0 {
            let first = max(exponent, -22)
            estimate /= powersOfTen(-first)
            if first != exponent { estimate /= powersOfTen(first - exponent) }
        } else if exponent > 0 {
            estimate *= powersOfTen(exponent)
        }
        let low = Float(Double(bitPattern: estimate.bitPattern - 8))
        let high = Float(Double(bitPattern: estimate.bitPattern + 8))
        guard low == high, high.isFinite else { return nil }
        return isNegative ? -low : low
    }

    /// The number when one exact multiplication or division gives it correctly rounded (Clinger's fast path).
    var exactDouble: Double? {
        guard !isTruncated, mantissa <= 1 << 53, (-22...22).contains(exponent) else { return nil }
        let magnitude =
            exponent < 0 ? Double(mantissa) / powersOfTen(-exponent) : Double(mantissa) * powersOfTen(exponent)
        return isNegative ? -magnitude : magnitude
    }

    func integer<I: FixedWidthInteger>() -> I? {
        guard isNegative else { return I(exactly: mantissa) }
        if mantissa == 0 { return 0 }
        guard mantissa <= UInt64(1) << 63 else { return nil }
        return I(exactly: Int64(truncatingIfNeeded: 0 &- mantissa))
    }
}

extension JSONScanner {
    /// The number correctly rounded, whatever its form; nil when it is beyond the largest finite one.
    @inline(never)
    func double(of decimal: Decimal) -> Double? {
        if let double = decimal.exactDouble { return double }
        let text = UnsafeBufferPointer(start: base + decimal.start, count: next - decimal.start)
        guard let double = Double(String(decoding: text, as: UTF8.self)), double.isFinite else { return nil }
        return double
    }
}

/// 10^0 to 10^22: the powers that a 64-bit float holds exactly.
@inline(__always)
private func powersOfTen(_ exponent: Int) -> Double { exactPowers[exponent] }

let exactPowers: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
]
