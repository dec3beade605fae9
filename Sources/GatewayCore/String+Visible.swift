// SPDX-License-Identifier: Apache-2.0

extension String {
    /// The text with a replacement character for each scalar that could move a cursor, end a line or turn the direction
    /// of writing: controls, formats (the bidirectional ones of UAX 9 among them), line and paragraph separators.
    public var visible: String {
        guard unicodeScalars.contains(where: \.isUnseen) else { return self }
        return String(String.UnicodeScalarView(unicodeScalars.map { $0.isUnseen ? "\u{fffd}" : $0 }))
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
