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
        case .json: for object in objects { print(object.serialized().escapingControls) }
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

extension Unicode.Scalar {
    /// Whether a terminal may act on it rather than show it: C0, C1, DEL, and what turns or hides text.
    fileprivate var isUnseen: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: true
        default: false
        }
    }
}

extension String {
    /// The text with every character that would move a cursor replaced.
    var printable: String {
        guard unicodeScalars.contains(where: \.isUnseen) else { return self }
        return String(UnicodeScalarView(unicodeScalars.map { $0.isUnseen ? "\u{fffd}" : $0 }))
    }

    /// A JSON text, in which such characters stand in strings alone, with them escaped (RFC 8259, section 7).
    var escapingControls: String {
        guard unicodeScalars.contains(where: \.isUnseen) else { return self }
        return unicodeScalars.reduce(into: "") { text, scalar in
            guard scalar.isUnseen else { return text.unicodeScalars.append(scalar) }
            for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
                let digits = String(unit, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
    }
}
