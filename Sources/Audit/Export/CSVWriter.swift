// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// Writes records as CSV (RFC 4180): a header, then a line for each, ended by CR LF.
///
/// Texts are always quoted. Scalars that could end a line or move a cursor are replaced (``Swift/String/visible``). A
/// text that a spreadsheet would run as a formula gets an apostrophe in front (OWASP, "CSV Injection"). So the file is
/// for reading; NDJSON has the bytes as they are in the log.
public struct CSVWriter: Sendable {
    /// What was written since it was last taken.
    public private(set) var bytes: [UInt8] = []

    /// - Parameter withHeader: whether the columns' names come first.
    public init(withHeader: Bool = true) {
        guard withHeader else { return }
        end(AuditColumn.all.map { Array($0.name.utf8) })
    }

    /// Writes a line.
    public mutating func append(_ record: JSON, at index: UInt64) {
        end(
            AuditColumn.all.map { column in
                switch column.value(of: record, at: index) {
                case .string(let text): Self.cell(text)
                case .integer(let number): Array(String(number).utf8)
                default: []
                }
            }
        )
    }

    /// Takes what was written.
    public mutating func take() -> [UInt8] {
        defer { bytes.removeAll(keepingCapacity: true) }
        return bytes
    }

    private mutating func end(_ cells: [[UInt8]]) {
        bytes += cells.joined(separator: [UInt8(ascii: ",")])
        bytes += [13, 10]
    }

    /// A text in quotes.
    static func cell(_ text: String) -> [UInt8] {
        let visible = text.visible
        var cell: [UInt8] = [UInt8(ascii: "\"")]
        if startsFormula(text) { cell.append(UInt8(ascii: "'")) }
        for byte in visible.utf8 {
            if byte == UInt8(ascii: "\"") { cell.append(byte) }
            cell.append(byte)
        }
        cell.append(UInt8(ascii: "\""))
        return cell
    }

    /// Whether a spreadsheet may take the text for a formula; some pass over spaces, and take full-width signs too.
    private static func startsFormula(_ text: String) -> Bool {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "=", "+", "-", "@", "\u{ff1d}", "\u{ff0b}", "\u{ff0d}", "\u{ff20}", "\t", "\r", "\n": return true
            default:
                guard scalar.properties.isWhitespace || scalar.visible == nil else { return false }
            }
        }
        return false
    }
}

extension Unicode.Scalar {
    /// nil for what is not seen.
    fileprivate var visible: Unicode.Scalar? {
        String(Character(self)).visible.unicodeScalars.first == self ? self : nil
    }
}
