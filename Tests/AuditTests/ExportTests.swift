// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Audit

@Suite struct ExportTests {
    /// A reader of RFC 4180, strict: nil for what is not CSV.
    private func read(_ bytes: [UInt8]) -> [[String]]? {
        var rows: [[String]] = []
        var row: [String] = []
        var cell: [UInt8] = []
        var rest = bytes[...]
        func end(_ cell: [UInt8]) -> String? { String(validating: cell, as: UTF8.self) }
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""):
                guard cell.isEmpty else { return nil }
                while true {
                    guard let next = rest.popFirst() else { return nil }
                    if next != UInt8(ascii: "\"") {
                        cell.append(next)
                    } else if rest.first == UInt8(ascii: "\"") {
                        cell.append(next)
                        rest.removeFirst()
                    } else {
                        break
                    }
                }
                guard rest.first == UInt8(ascii: ",") || rest.first == 13 else { return nil }
            case UInt8(ascii: ","), 13:
                guard let text = end(cell) else { return nil }
                row.append(text)
                cell = []
                guard byte == 13 else { continue }
                guard rest.popFirst() == 10 else { return nil }
                rows.append(row)
                row = []
            default: cell.append(byte)
            }
        }
        return row.isEmpty && cell.isEmpty ? rows : nil
    }

    private static let hostile = [
        "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u{ff1d}1", "\u{202e}=1", "\u{feff}=1",
        "\u{0}=1",
        "a\r\n7,\"forged\"", "\"", "\",\"=1", "a\u{1b}[2J", "a\u{85}b", "a\u{2028}b", "é=1", "", ";=1", "'=1",
    ]

    @Test(arguments: hostile)
    func `a text becomes one cell that no spreadsheet runs`(text: String) throws {
        let cell = CSVWriter.cell(text)
        let rows = try #require(read(cell + [13, 10]))
        try #require(rows.count == 1 && rows[0].count == 1)
        let seen = rows[0][0]
        // What is in front of the first visible character would be passed over.
        let start = seen.unicodeScalars.first { !$0.properties.isWhitespace && $0 != "\u{fffd}" }
        let signs: [Unicode.Scalar] = ["=", "+", "-", "@", "\u{ff1d}", "\u{ff0b}", "\u{ff0d}", "\u{ff20}"]
        #expect(start.map { !signs.contains($0) } ?? true)
        #expect(!seen.unicodeScalars.contains { $0.value < 0x20 || $0.properties.generalCategory == .control })
        #expect(seen == text.visible || seen == "'" + text.visible)
    }

    @Test func `whatever a record holds, it is one line with a cell for each column`() throws {
        var random = SeededGenerator(seed: 31)
        var csv = CSVWriter()
        var details: [String?] = []
        for number in 0..<2000 {
            var record = RandomRecord.make(&random)
            if Bool.random(using: &random) {
                record.detail =
                    Self.hostile.randomElement(using: &random)! + Self.hostile.randomElement(using: &random)!
                record.subject = Self.hostile.randomElement(using: &random)!
            }
            let json = try JSON.parse(record.encoded())
            details.append(json["detail"]?.string)
            csv.append(json, at: UInt64(number))
        }
        let rows = try #require(read(csv.take()))
        #expect(rows.count == 2001)
        #expect(rows.allSatisfy { $0.count == AuditColumn.all.count })
        #expect(rows[0] == AuditColumn.all.map(\.name))
        let place = try #require(AuditColumn.all.firstIndex { $0.name == "detail" })
        for (number, detail) in details.enumerated() {
            #expect(rows[number + 1][0] == "\(number)")
            let cell = rows[number + 1][place]
            #expect(cell == (detail ?? "").visible || cell == "'" + (detail ?? "").visible)
        }
        #expect(csv.take().isEmpty)
    }

    @Test func `columns taken in parts are those taken whole, and hold each record's values`() throws {
        var random = SeededGenerator(seed: 32)
        let records = try (0..<101).map { _ in try JSON.parse(RandomRecord.make(&random).encoded()) }
        for column in AuditColumn.all {
            var whole = ColumnBuffers(column)
            var parts = ColumnBuffers(column)
            var taken = parts.names.map { _ in [UInt8]() }
            for (number, record) in records.enumerated() {
                whole.append(record, at: UInt64(number))
                parts.append(record, at: UInt64(number))
                guard Int.random(in: 0..<5, using: &random) == 0 else { continue }
                for (place, bytes) in parts.take().enumerated() { taken[place] += bytes }
            }
            for (place, bytes) in parts.finish().enumerated() { taken[place] += bytes }
            let buffers = whole.finish()
            #expect(taken == buffers)

            func number(_ bytes: [UInt8], _ place: Int) -> Int64 {
                bytes.withUnsafeBytes {
                    Int64(littleEndian: $0.loadUnaligned(fromByteOffset: 8 * place, as: Int64.self))
                }
            }
            for (row, record) in records.enumerated() {
                let value = column.value(of: record, at: UInt64(row))
                #expect((buffers[0][row / 8] >> UInt8(row % 8) & 1 == 1) == (value != nil))
                switch (column.kind, value) {
                case (_, nil): break
                case (.text, let value?):
                    let range = Int(number(buffers[1], row))..<Int(number(buffers[1], row + 1))
                    #expect(String(decoding: buffers[2][range], as: UTF8.self) == value.string)
                case (.integer, let value?): #expect(number(buffers[1], row) == value.integer)
                case (.time, let value?):
                    #expect(
                        number(buffers[1], row) == value.string.flatMap { UnixTime($0) }.map { $0.nanoseconds / 1000 }
                    )
                }
            }
        }
    }
}
