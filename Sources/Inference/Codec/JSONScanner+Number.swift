// SPDX-License-Identifier: Apache-2.0

/// Why a number cannot be taken; `none` when it was.
enum NumberFault: UInt8 {
    case none
    /// Something else stands there.
    case notANumber
    case leadingZero
    case digitMissing
    case notFinite
    case tooLong
    case outOfRange
    case notAnInteger
    /// An object `{"b64": …}` whose text is none.
    case notBase64

    var sentence: String {
        switch self {
        case .none: "no fault"
        case .notANumber: "not a number"
        case .leadingZero: "a number has a leading zero"
        case .digitMissing: "a number lacks a digit"
        case .notFinite: "NaN and Infinity are not numbers in JSON"
        case .tooLong: "a number is longer than \(JSONScanner.numberLimit) bytes"
        case .outOfRange: "a number is out of range"
        case .notBase64: "'b64' is not base64"
        case .notAnInteger: "a number has a fraction or an exponent where an integer is expected"
        }
    }
}

/// A number as it is written: ± mantissa × 10^exponent.
struct Decimal {
    /// The first 19 significant digits.
    var mantissa: UInt64 = 0
    var exponent = 0
    var isNegative = false
    /// Neither fraction nor exponent is written.
    var isInteger = true
    /// Digits beyond the 19th were dropped.
    var isTruncated = false
    /// Where the text begins.
    var start = 0
}

extension JSONScanner {
    /// The longest number that is read: what any correct printer of 64-bit floats stays far below.
    static let numberLimit = 1024

    /// Reads a number by RFC 8259's grammar.
    @inline(__always)
    mutating func scanDecimal(_ decimal: inout Decimal) -> NumberFault {
        var at = next
        decimal.start = at
        if at < count, base[at] == 0x2d {
            decimal.isNegative = true
            at += 1
        }
        var mantissa: UInt64 = 0
        var room = 19
        var exponent = 0

        // The integer part.
        guard at < count else { return .notANumber }
        let first = base[at] &- 48
        if first == 0 {
            at += 1
            if at < count, base[at] &- 48 < 10 { return .leadingZero }
        } else if first < 10 {
            let start = at
            (mantissa, at, room) = digits(from: at, mantissa: 0, room: room)
            let dropped = at - start - (19 - room)
            if dropped > 0 {
                exponent = dropped
                decimal.isTruncated = true
            }
        } else {
            return faultOfWord(at: at, signed: decimal.isNegative)
        }

        // The fraction.
        if at < count, base[at] == 0x2e {
            decimal.isInteger = false
            at += 1
            let start = at
            if mantissa == 0 {
                while at < count, base[at] == 48 { at += 1 }
                exponent -= at - start
            }
            let significant = at
            let before = room
            (mantissa, at, room) = digits(from: at, mantissa: mantissa, room: room)
            let kept = before - room
            exponent -= kept
            if at - significant > kept { decimal.isTruncated = true }
            if at == start {
                next = at
                return .digitMissing
            }
        }

        // The exponent.
        if at < count, base[at] | 0x20 == 0x65 {
            decimal.isInteger = false
            at += 1
            var isNegative = false
            if at < count, base[at] == 0x2d || base[at] == 0x2b {
                isNegative = base[at] == 0x2d
                at += 1
            }
            let start = at
            var written = 0
            while at < count, base[at] &- 48 < 10 {
                // Enough to overflow or underflow any mantissa; more digits change nothing.
                if written < 100_000 { written = written * 10 + Int(base[at] &- 48) }
                at += 1
            }
            if at == start {
                next = at
                return .digitMissing
            }
            exponent += isNegative ? -written : written
        }
        if at - decimal.start > Self.numberLimit { return .tooLong }
        decimal.mantissa = mantissa
        decimal.exponent = exponent
        next = at
        return .none
    }

    /// Reads digits into the mantissa while there is room, and passes over the others.
    @inline(__always)
    private func digits(from start: Int, mantissa: UInt64, room: Int) -> (mantissa: UInt64, next: Int, room: Int) {
        var mantissa = mantissa
        var room = room
        var at = start
        while room >= 8, at + 8 <= count {
            let chunk = UnsafeRawPointer(base + at).loadUnaligned(as: UInt64.self)
            guard isEightDigits(chunk) else { break }
            mantissa = mantissa &* 100_000_000 &+ eightDigits(chunk)
            room -= 8
            at += 8
        }
        while at < count {
            let digit = base[at] &- 48
            guard digit < 10 else { break }
            if room > 0 {
                mantissa = mantissa &* 10 &+ UInt64(digit)
                room -= 1
            }
            at += 1
        }
        return (mantissa, at, room)
    }

    /// Tells NaN and Infinity, which some printers write, from other things.
    private func faultOfWord(at offset: Int, signed: Bool) -> NumberFault {
        switch base[offset] {
        case 0x4e, 0x49: .notFinite
        default: signed ? .digitMissing : .notANumber
        }
    }
}

/// Whether all eight bytes are ASCII digits: their high nibbles are 3, and adding 6 carries none of them over.
@inline(__always)
private func isEightDigits(_ chunk: UInt64) -> Bool {
    (chunk & 0xf0f0_f0f0_f0f0_f0f0) | (((chunk &+ 0x0606_0606_0606_0606) & 0xf0f0_f0f0_f0f0_f0f0) >> 4)
        == 0x3333_3333_3333_3333
}

/// The value of eight ASCII digits, first digit in the lowest byte: neighbours are joined to pairs, pairs to fours,
/// fours to the whole.
@inline(__always)
private func eightDigits(_ chunk: UInt64) -> UInt64 { joinEightDigits(chunk & 0x0f0f_0f0f_0f0f_0f0f) }

/// The same of bytes that are 0 to 9.
@inline(__always)
func joinEightDigits(_ digits: UInt64) -> UInt64 {
    var value = digits
    value = (value &* 10 &+ (value >> 8)) & 0x00ff_00ff_00ff_00ff
    value = (value &* 100 &+ (value >> 16)) & 0x0000_ffff_0000_ffff
    return (value &* 10_000 &+ (value >> 32)) & 0xffff_ffff
}
