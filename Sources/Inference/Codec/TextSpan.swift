// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Where one element of type ``ElementType/bytes`` stands in a JSON text: a string, or `{"b64": string}` (TensorFlow
/// Serving REST API). Valid as long as the text.
struct TextSpan: BitwiseCopyable, ExpressibleByZero, JSONElement {
    private var base: UnsafePointer<UInt8>?
    private var start = 0
    private var end = 0
    private var hasEscapes = false
    private var isBase64 = false

    static var zero: TextSpan { TextSpan() }

    static func scan(_ scanner: inout JSONScanner, into element: inout TextSpan) -> NumberFault {
        var isBase64 = false
        let text: JSONScanner.Text
        do throws(Refusal) {
            if scanner.peek == 0x7b {
                // An object of this one member, and no other, is what it holds.
                isBase64 = true
                var probe = copy scanner
                guard probe.take(0x7b) else { return .notANumber }
                probe.skipSpace()
                guard probe.equals(try probe.string(), "b64"), probe.take(0x3a) else { return .notANumber }
                probe.skipSpace()
                text = try probe.string()
                guard probe.take(0x7d) else { return .notANumber }
                scanner.next = probe.next
            } else {
                text = try scanner.string()
            }
        } catch {
            return .notANumber
        }
        element = TextSpan(
            base: scanner.base,
            start: text.start,
            end: text.end,
            hasEscapes: text.hasEscapes,
            isBase64: isBase64
        )
        return element.isBase64 && element.bytes == nil ? .notBase64 : .none
    }

    /// What it holds; nil for base64 that is none.
    var bytes: [UInt8]? {
        guard let base else { return [] }
        let raw = UnsafeBufferPointer(start: base + start, count: end - start)
        // The quotes stand around it.
        let text =
            hasEscapes
            ? Array(
                ((try? JSON.parse(UnsafeBufferPointer(start: base + start - 1, count: raw.count + 2)))?.string ?? "")
                    .utf8
            )
            : Array(raw)
        return isBase64 ? Base64.decode(text) : text
    }
}

/// Base64 of RFC 4648, section 4, with or without its padding.
enum Base64 {
    static func decode(_ text: [UInt8]) -> [UInt8]? {
        var digits = text[...]
        if text.count % 4 == 0 {
            for _ in 0..<2 where digits.last == UInt8(ascii: "=") { digits.removeLast() }
        }
        guard digits.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count * 3 / 4)
        var bits: UInt32 = 0
        var count = 0
        for digit in digits {
            guard let value = value(of: digit) else { return nil }
            bits = bits << 6 | value
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        // What is left of the last digit must be 0, or one value would have several texts.
        return bits & (1 << UInt32(count) - 1) == 0 ? bytes : nil
    }

    static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                text.append(digits[Int(bits >> count & 63)])
            }
        }
        if count > 0 { text.append(digits[Int(bits << (6 - count) & 63)]) }
        while text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
        return text
    }

    private static func value(of digit: UInt8) -> UInt32? {
        switch digit {
        case 65...90: UInt32(digit) - 65
        case 97...122: UInt32(digit) - 71
        case 48...57: UInt32(digit) + 4
        case 43: 62
        case 47: 63
        default: nil
        }
    }
}
