// SPDX-License-Identifier: Apache-2.0

/// A 32-bit float's upper half: bfloat16.
struct BFloat16: BitwiseCopyable, Hashable {
    let bits: UInt16

    /// The nearest to the float, ties to even; a NaN stays one.
    init(_ float: Float) {
        let bits = float.bitPattern
        if float.isNaN {
            self.bits = UInt16(bits >> 16) | 0x40
        } else {
            let rounded = bits &+ 0x7fff &+ (bits >> 16 & 1)
            self.bits = UInt16(rounded >> 16)
        }
    }

    var float: Float { Float(bitPattern: UInt32(bits) << 16) }

    static let zero = BFloat16(0)
}

// Neither Triton nor the Open Inference Protocol has 16-bit floats in JSON; a number that is rounded once harms nobody.
extension Float16: JSONElement {
    static func scan(_ scanner: inout JSONScanner, into element: inout Float16) -> NumberFault {
        var double = 0.0
        let fault = Double.scan(&scanner, into: &double)
        guard fault == .none else { return fault }
        element = Float16(double)
        return element.isFinite || !double.isFinite || scanner.isLenient ? .none : .outOfRange
    }
}

extension BFloat16: JSONElement {
    static func scan(_ scanner: inout JSONScanner, into element: inout BFloat16) -> NumberFault {
        var float: Float = 0
        let fault = Float.scan(&scanner, into: &float)
        guard fault == .none else { return fault }
        element = BFloat16(float)
        return element.float.isFinite || !float.isFinite || scanner.isLenient ? .none : .outOfRange
    }
}

extension JSONScanner {
    /// A word that JSON does not have, for readers that take it: NaN, Infinity, -Infinity.
    @inline(never)
    mutating func nonFinite<Number: BinaryFloatingPoint>(_ fault: NumberFault, into element: inout Number)
        -> NumberFault
    {
        guard isLenient, fault == .notFinite else { return fault }
        let words: [(StaticString, Number)] = [
            ("NaN", .nan), ("Infinity", .infinity), ("-Infinity", -.infinity), ("Inf", .infinity), ("-Inf", -.infinity),
        ]
        for (word, value) in words where hasWord(word) {
            next += word.utf8CodeUnitCount
            element = value
            return .none
        }
        return fault
    }

    /// A number out of range, which is infinite to TensorFlow Serving and its like.
    @inline(never)
    func nonFinite<Number: BinaryFloatingPoint>(_ decimal: Decimal, into element: inout Number) -> NumberFault {
        guard isLenient else { return .outOfRange }
        element = decimal.isNegative ? -.infinity : .infinity
        return .none
    }

    private func hasWord(_ word: StaticString) -> Bool {
        let length = word.utf8CodeUnitCount
        guard next + length <= count else { return false }
        for index in 0..<length where base[next + index] != word.utf8Start[index] { return false }
        return true
    }
}
