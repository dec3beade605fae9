// SPDX-License-Identifier: Apache-2.0

import Yams

/// One thing that can be set in an entry of a list: its name in the file, and how what stands there becomes its value.
struct EntryField<Entry: Sendable>: Sendable {
    let name: String
    /// Sets the value, or says what it must be: the end of the sentence "must be …".
    let set: @Sendable (inout Entry, String) -> String?

    init(_ name: String, _ set: @escaping @Sendable (inout Entry, String) -> String?) {
        self.name = name
        self.set = set
    }

    /// A text that may not be empty.
    init(_ name: String, _ path: any WritableKeyPath<Entry, String> & Sendable, _ requirement: String) {
        self.init(name) { entry, text in
            guard !text.isEmpty else { return requirement }
            entry[keyPath: path] = text
            return nil
        }
    }
}

/// Reads a list of the configuration file whose entries have fields; it fits neither the environment nor the command line.
struct EntryReader<Entry: Sendable> {
    private(set) var entries: [Entry] = []
    private(set) var faults: [ConfigurationError.Fault] = []
    /// Of each entry's beginning in the file.
    private(set) var lines: [Int?] = []
    private let file: String
    private let path: String
    private let fields: [EntryField<Entry>]

    /// - Parameters:
    ///   - path: the list's place, as `audit.witnesses`.
    ///   - fields: the first must be in each entry; where `isShort`, an entry may also be that field's text alone.
    ///   - check: what is wrong with an entry as a whole, given the names that it has: reads on from its place.
    init(
        _ list: Node,
        file: String,
        path: String,
        fields: [EntryField<Entry>],
        empty: Entry,
        isShort: Bool = false,
        check: (Entry, Set<String>) -> String?
    ) {
        self.file = file
        self.path = path
        self.fields = fields
        guard let sequence = list.sequence else {
            fault(list.mark?.line, path, "must be a list, each of whose entries begins with '- \(fields[0].name): …'")
            return
        }
        for node in sequence {
            let place = "\(path)[\(entries.count)]"
            let before = faults.count
            var entry = empty
            var given: Set<String> = []
            if isShort, let text = node.scalar?.string {
                given = [fields[0].name]
                set(&entry, fields[0], text, node.mark?.line, place)
            } else if let mapping = node.mapping {
                for (key, value) in mapping {
                    let name = key.string ?? "?"
                    given.insert(name)
                    read(&entry, name, value, key.mark?.line, place)
                }
            } else {
                fault(node.mark?.line, place, "must hold fields, as '\(fields[0].name): …'")
            }
            if !given.contains(fields[0].name), faults.count == before {
                fault(node.mark?.line, "\(place).\(fields[0].name)", "is missing")
            }
            if faults.count == before, let reason = check(entry, given) { fault(node.mark?.line, place, reason) }
            lines.append(node.mark?.line)
            entries.append(entry)
        }
    }

    /// Each thing may be in the list once.
    mutating func checkOnce(_ name: String, _ value: (Entry) -> String) {
        for (index, entry) in entries.enumerated()
        where !value(entry).isEmpty && entries[..<index].contains(where: { value($0) == value(entry) }) {
            fault(lines[index], "\(path)[\(index)].\(name)", "is in the list twice")
        }
    }

    private mutating func read(_ entry: inout Entry, _ name: String, _ value: Node, _ line: Int?, _ place: String) {
        guard let field = fields.first(where: { $0.name == name }) else {
            let names = fields.map(\.name).joined(separator: ", ")
            return fault(line, "\(place).\(name)", "is not a field of this list, whose entries have \(names)")
        }
        guard let text = value.scalar?.string else { return fault(line, "\(place).\(name)", "must be a single value") }
        set(&entry, field, text, line, place)
    }

    private mutating func set(
        _ entry: inout Entry,
        _ field: EntryField<Entry>,
        _ text: String,
        _ line: Int?,
        _ place: String
    ) {
        if let requirement = field.set(&entry, text) { fault(line, "\(place).\(field.name)", "must be \(requirement)") }
    }

    private mutating func fault(_ line: Int?, _ field: String, _ reason: String) {
        faults.append(.init(source: file, line: line, field: field, reason: reason))
    }
}
