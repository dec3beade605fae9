// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// A JSON value as a YAML 1.2 document in block style, which readers of YAML 1.1 take for the same value.
struct YAMLText {
    private(set) var text = ""

    init(_ value: JSON) {
        write(value, indent: 0, isInline: false)
    }

    /// - Parameter isInline: whether the line has begun: behind `name:` or `-`.
    private mutating func write(_ value: JSON, indent: Int, isInline: Bool) {
        switch value {
        case .object(let members) where !members.isEmpty:
            if isInline { text += "\n" }
            for member in members { write(member, indent: indent) }
        case .array(let elements) where !elements.isEmpty:
            if isInline { text += "\n" }
            for element in elements {
                text += String(repeating: " ", count: indent) + "-"
                // Behind the dash the first member goes on in its line.
                if case .object(let members) = element, let first = members.first {
                    text += " "
                    write(first, indent: indent + 2, isFirst: true)
                    for member in members.dropFirst() { write(member, indent: indent + 2) }
                } else {
                    write(element, indent: indent + 2, isInline: true)
                }
            }
        default:
            text += (isInline ? " " : "") + Self.scalar(value) + "\n"
        }
    }

    private mutating func write(_ member: JSON.Member, indent: Int, isFirst: Bool = false) {
        if !isFirst { text += String(repeating: " ", count: indent) }
        text += Self.scalar(.string(member.name)) + ":"
        write(member.value, indent: indent + 2, isInline: true)
    }

    private static func scalar(_ value: JSON) -> String {
        if case .string(let string) = value, isPlain(string) { return string }
        // A JSON text on one line is YAML (YAML 1.2, section 1.3), escapes and all; but a pair of surrogates is not one
        // character there (section 5.7), so that what a terminal would act on is escaped in YAML's way.
        return value.serialized().unicodeScalars.reduce(into: "") { text, scalar in
            let character = String(scalar)
            guard character.visible != character else { return text += character }
            let digits = String(scalar.value, radix: 16)
            text += "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
        }
    }

    /// Whether a string needs no quotes: words that no reader takes for a number, a time, a flag or a mark.
    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.utf8.first, isLetter(first), !words.contains(text.lowercased()) else { return false }
        return text.utf8.allSatisfy { isLetter($0) || (48...57).contains($0) || "_-./".utf8.contains($0) }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (65...90).contains(byte) || (97...122).contains(byte) }

    private static let words: Set<String> = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
}
