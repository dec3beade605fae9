// SPDX-License-Identifier: Apache-2.0

extension String {
    /// The text with a replacement character for each scalar that could move a cursor, end a line or turn the direction
    /// of writing: controls, formats (the bidirectional ones of UAX 9 among them), line and paragraph separators.
    public var visible: String {
        guard unicodeScalars.contains(where: \.isUnseen) else { return self }
        return String(String.UnicodeScalarView(unicodeScalars.map { $0.isUnseen ? "\u{fffd}" : $0 }))
    }

    /// The same for JSON on one line, which stays the same document: each such scalar is escaped (RFC 8259, section 7).
    public var visibleJSON: String {
        guard unicodeScalars.contains(where: \.isUnseen) else { return self }
        var text = ""
        for scalar in unicodeScalars {
            guard scalar.isUnseen else {
                text.unicodeScalars.append(scalar)
                continue
            }
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return text
    }
}

extension Unicode.Scalar {
    fileprivate var isUnseen: Bool {
        if value < 0x7f { return value < 0x20 }
        return switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
