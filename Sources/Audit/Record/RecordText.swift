// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// How texts are made fit for a record.
enum RecordText {
    /// The longest prefix of whole characters (Unicode scalars) that leaves room for the `…` behind it.
    @inline(never)
    static func cut(_ text: String, to bound: Int) -> String {
        let mark = "…"
        var end = text.utf8.index(text.startIndex, offsetBy: bound - mark.utf8.count)
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return text[..<end] + mark
    }

    /// The text with a space for each control character, so that it reads as one line wherever it is shown.
    static func plain(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 >= 0x7f }) else { return text }
        var out = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: out.append(" ")
            default: out.append(scalar)
            }
        }
        return String(out)
    }

    /// The bytes of an even number of lower-case hexadecimal digits; nil for anything else.
    static func unhex(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count % 2 == 0 else { return nil }
        func value(_ digit: UInt8) -> UInt8? {
            switch digit {
            case 48...57: digit - 48
            case 97...102: digit - 87
            default: nil
            }
        }
        var out: [UInt8] = []
        for i in stride(from: 0, to: digits.count, by: 2) {
            guard let high = value(digits[i]), let low = value(digits[i + 1]) else { return nil }
            out.append(high << 4 | low)
        }
        return out
    }
}

extension JSON {
    /// The same value with members in ascending byte order of their names and fractions as text: one value, one
    /// spelling. What lies deeper than `depth` levels becomes `…`, so that any reader can follow.
    func canonical(depth: Int = 32) -> JSON {
        switch self {
        case .null, .bool, .integer, .string: self
        case .double(let number): .string(number.description)
        case .array where depth == 0, .object where depth == 0: .string("…")
        case .array(let elements): .array(elements.map { $0.canonical(depth: depth - 1) })
        case .object(let members):
            .object(
                members.map { Member($0.name, $0.value.canonical(depth: depth - 1)) }
                    .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
            )
        }
    }
}
