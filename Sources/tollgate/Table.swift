// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Rows in aligned columns for a terminal.
struct Table {
    private let columns: [(title: String, field: String)]
    private var rows: [[String]] = []

    /// - Parameter columns: each column's title, and the path of its field in a row's object (`record.tenant`).
    init(_ columns: [(title: String, field: String)]) {
        self.columns = columns
    }

    mutating func add(_ object: JSON) {
        rows.append(
            columns.map { column in
                let value = column.field.split(separator: ".").reduce(object as JSON?) { $0?[String($1)] }
                return Self.text(value)
            }
        )
    }

    /// The table; a line each, without control characters whatever the values hold.
    var description: String {
        let lines = [columns.map { $0.title.uppercased() }] + rows
        let widths = columns.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { line in
            var text = ""
            for (column, cell) in line.enumerated() {
                text += cell
                if column < line.count - 1 { text += String(repeating: " ", count: widths[column] - cell.count + 2) }
            }
            return text
        }.joined(separator: "\n")
    }

    private static func text(_ value: JSON?) -> String {
        let text: String
        switch value {
        case nil, .null: text = "-"
        case .string(let string): text = string
        case .some(let other): text = other.serialized()
        }
        // What a tenant named itself must not move the auditor's cursor.
        return text.visible
    }
}
