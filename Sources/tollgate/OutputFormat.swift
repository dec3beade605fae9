// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

/// How a command prints what it has to say: the one place where standard output is written in a form that can be chosen.
///
/// Whatever the values hold, no form lets a control or format character through to the terminal.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    /// Aligned columns, or sentences.
    case table
    /// An object a line.
    case json
    /// A document an object, parted by `---`.
    case yaml

    /// Prints a list of objects; the columns are for the table alone.
    func write(_ objects: [JSON], columns: [(title: String, field: String)]) {
        switch self {
        case .table:
            var table = Table(columns)
            for object in objects { table.add(object) }
            print(table.description)
        case .json: for object in objects { print(object.serialized().visibleJSON) }
        case .yaml: print(objects.map(YAMLText.init).map(\.text).joined(separator: "---\n"), terminator: "")
        }
    }

    /// Prints one document; where people read it, as the text instead.
    func write(_ document: JSON, text: @autoclosure () -> String) {
        switch self {
        case .table: print(text())
        case .json, .yaml: write([document], columns: [])
        }
    }
}

struct OutputOption: ParsableArguments {
    @Option(name: [.customShort("o"), .long], help: "table, json (an object a line) or yaml.")
    var output = OutputFormat.table
}
