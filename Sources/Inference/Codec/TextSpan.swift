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
        return isBase64 ? Base64.decode(text, isPaddingOptional: true) : text
    }
}
