// SPDX-License-Identifier: Apache-2.0

/// Rows of numbers as text with commas (RFC 4180), one of whose columns is the label.
///
/// The first row is a header when one of its fields is no number. The label's column is named by the header's `label`,
/// unless another is asked for, by name or by its place from 1. Empty lines are passed over.
public struct CSVTable: Sendable {
    /// The features of each row, in the order of their columns.
    public private(set) var rows: [[Double]] = []
    /// As many as ``rows``.
    public private(set) var labels: [Double] = []
    /// Of each row, for messages; from 1.
    public private(set) var lines: [Int] = []

    /// - Parameters:
    ///   - labelColumn: nil for the header's `label`.
    ///   - file: its name, for the fault.
    /// - Throws: ``DataFault`` with line and column.
    public init(_ bytes: [UInt8], labelColumn: String? = nil, file: String) throws(DataFault) {
        var reader = CSVReader(bytes: bytes, file: file)
        guard let first = try reader.record() else { throw DataFault(file, "", "has no row") }
        let isHeader = first.contains { Double(Self.trimmed($0)) == nil }
        let names = isHeader ? first.map { Self.trimmed($0) } : []
        let label: Int
        switch labelColumn {
        case nil:
            guard let found = names.firstIndex(of: "label") else {
                throw DataFault(
                    file,
                    "line 1",
                    "no column is named 'label'; say which one it is by its name or its number from 1"
                )
            }
            label = found
        case .some(let asked):
            if let found = names.firstIndex(of: asked) {
                label = found
            } else if let number = Int(asked), (1...first.count).contains(number) {
                label = number - 1
            } else {
                throw DataFault(file, "line 1", "no column is named '\(asked.prefix(40))', and it is no number of one")
            }
        }
        if !isHeader { try add(first, label, 1, width: first.count, file) }
        while let record = try reader.record() { try add(record, label, reader.line, width: first.count, file) }
        guard !rows.isEmpty else { throw DataFault(file, "", "has no row behind its header") }
    }

    private mutating func add(
        _ record: [String],
        _ label: Int,
        _ line: Int,
        width: Int,
        _ file: String
    ) throws(DataFault) {
        guard record.count == width else {
            throw DataFault(file, "line \(line)", "has \(record.count) fields; the first row has \(width)")
        }
        var row: [Double] = []
        row.reserveCapacity(width - 1)
        for (column, field) in record.enumerated() {
            guard let number = Double(Self.trimmed(field)), number.isFinite else {
                throw DataFault(file, "line \(line), column \(column + 1)", "'\(field.prefix(40))' is no number")
            }
            if column == label { labels.append(number) } else { row.append(number) }
        }
        rows.append(row)
        lines.append(line)
    }

    private static func trimmed(_ field: String) -> String {
        let field = field.drop { $0 == " " || $0 == "\t" }
        guard let end = field.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
        return String(field[...end])
    }
}

/// Cuts a text into records.
private struct CSVReader {
    let bytes: [UInt8]
    let file: String
    /// Of the record read last.
    private(set) var line = 0
    private var next = 0
    private var nextLine = 1

    init(bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
        // A byte order mark.
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { next = 3 }
    }

    /// The fields of the next record that is not empty; nil at the end.
    mutating func record() throws(DataFault) -> [String]? {
        while next < bytes.count {
            if bytes[next] == 0x0a || bytes[next] == 0x0d {
                if bytes[next] == 0x0a { nextLine += 1 }
                next += 1
                continue
            }
            line = nextLine
            var fields: [String] = []
            repeat { fields.append(try field(fields.count + 1)) } while take(0x2c)
            return fields
        }
        return nil
    }

    private static func ends(_ byte: UInt8) -> Bool { byte == 0x2c || byte == 0x0a || byte == 0x0d }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next < bytes.count, bytes[next] == byte else { return false }
        next += 1
        return true
    }

    private mutating func field(_ column: Int) throws(DataFault) -> String {
        guard take(0x22) else {
            let start = next
            while next < bytes.count, !Self.ends(bytes[next]) { next += 1 }
            return String(decoding: bytes[start..<next], as: UTF8.self)
        }
        var text: [UInt8] = []
        while next < bytes.count {
            let byte = bytes[next]
            next += 1
            if byte == 0x0a { nextLine += 1 }
            guard byte == 0x22 else {
                text.append(byte)
                continue
            }
            if take(0x22) {
                text.append(0x22)
                continue
            }
            guard next == bytes.count || Self.ends(bytes[next]) else {
                throw DataFault(file, "line \(nextLine), column \(column)", "has text behind a closing quote")
            }
            return String(decoding: text, as: UTF8.self)
        }
        throw DataFault(file, "line \(line), column \(column)", "has a quote without its end")
    }
}
