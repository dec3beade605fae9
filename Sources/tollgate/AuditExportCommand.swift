// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Audit
import Foundation
import GatewayCore

extension AuditCommand {
    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write the records that fit every given field, oldest first.",
            discussion: """
                ndjson   a line {"index": …, "record": …} for each; the record is the log's own bytes.
                csv      RFC 4180 with a header; for reading: what a spreadsheet would run as a formula is defused.
                columns  a folder, named by --to, with the buffers of Apache Arrow arrays and schema.json. In Python:
                           s = json.load(open("out/schema.json"))
                           read = lambda f: pyarrow.py_buffer(open("out/" + f, "rb").read())
                           pyarrow.table({c["name"]: pyarrow.Array.from_buffers(pyarrow.type_for_alias(c["type"]),
                             s["rows"], [read(f) for f in c["buffers"]]) for c in s["columns"]})

                What is exported is the log as it was when the export began.

                EXAMPLES
                  tollgate audit export --format ndjson --tenant acme > acme.ndjson
                  tollgate audit export --format csv --since 2026-11-01 --until 2026-12-01 --to november.csv
                  tollgate audit export --format columns --to out
                """
        )
        enum Format: String, ExpressibleByArgument, CaseIterable { case ndjson, csv, columns }

        @Option(help: "ndjson, csv or columns.") var format: Format
        @Option(help: "File to write, or folder for columns; it must not be there. Else standard output.") var to:
            String?
        @OptionGroup var filters: AuditFilters
        @OptionGroup var options: ManagementOptions

        func validate() throws {
            if format == .columns, to == nil { throw ValidationError("--format columns needs a folder: --to FOLDER") }
        }

        func run() throws {
            let client = try options.client("TOLLGATE_AUDITOR_KEY")
            let size = try client.call("GET", "/admin/v1/audit/records?page_size=1")["log_size"]?.integer
            var query = filters.query + [("order", "oldest")]
            if let size { query.append(("before", String(size))) }
            var pages = AuditPages(client, query)
            switch format {
            case .ndjson:
                let output = try AuditOutput(to)
                while let page = try pages.next() {
                    try output.write(page.reduce(into: []) { $0 += Array($1.exactLine.utf8) + [10] })
                }
            case .csv:
                let output = try AuditOutput(to)
                var csv = CSVWriter()
                while let page = try pages.next() {
                    for entry in page { csv.append(entry.record, at: entry.index) }
                    try output.write(csv.take())
                }
                try output.write(csv.take())
            case .columns:
                var files = try ColumnFiles(folder: to ?? "")
                while let page = try pages.next() { try files.append(page) }
                try files.finish()
            }
        }
    }
}

/// Where an export goes; a new file is for its owner alone.
struct AuditOutput {
    private let path: String
    private let file: Int32

    /// - Parameter path: nil for standard output.
    init(_ path: String?) throws {
        guard let path else {
            self.path = "standard output"
            file = STDOUT_FILENO
            return
        }
        self.path = path
        file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw fail("\(path): \(String(cString: strerror(errno)))", .noOutput) }
    }

    func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw fail("\(path): \(String(cString: strerror(errno)))", .noOutput) }
            rest.removeFirst(count)
        }
    }
}

/// A folder of columns, a file for each buffer.
struct ColumnFiles {
    private let folder: String
    private var columns: [(buffers: ColumnBuffers, outputs: [AuditOutput], sizes: [Int])]
    private var rows = 0

    init(folder: String) throws {
        self.folder = folder
        guard mkdir(folder, 0o700) == 0 else { throw fail("\(folder): \(String(cString: strerror(errno)))", .noOutput) }
        columns = try AuditColumn.all.map { column in
            let buffers = ColumnBuffers(column)
            let outputs = try buffers.names.map { try AuditOutput("\(folder)/\(column.name).\($0)") }
            return (buffers, outputs, outputs.map { _ in 0 })
        }
    }

    mutating func append(_ page: [AuditPages.Entry]) throws {
        rows += page.count
        for place in columns.indices {
            for entry in page { columns[place].buffers.append(entry.record, at: entry.index) }
            try write(columns[place].buffers.take(), to: place)
        }
    }

    /// Writes what is left, and the schema last: a folder without one is not complete.
    mutating func finish() throws {
        for place in columns.indices {
            try write(columns[place].buffers.finish(), to: place)
            // To 8 bytes, as Arrow has it.
            try write(columns[place].sizes.map { [UInt8](repeating: 0, count: $0 == 0 ? 8 : -$0 & 7) }, to: place)
        }
        let schema: JSON = [
            "rows": .integer(Int64(rows)),
            "columns": .array(
                columns.map { column in
                    let name = column.buffers.column.name
                    return [
                        "name": .string(name), "type": .string(column.buffers.type),
                        "buffers": .array(column.buffers.names.map { .string("\(name).\($0)") }),
                    ]
                }
            ),
        ]
        try AuditOutput("\(folder)/schema.json").write(Array(schema.serialized().utf8) + [10])
    }

    private mutating func write(_ buffers: [[UInt8]], to place: Int) throws {
        for (number, bytes) in buffers.enumerated() {
            try columns[place].outputs[number].write(bytes)
            columns[place].sizes[number] += bytes.count
        }
    }
}
