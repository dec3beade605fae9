// SPDX-License-Identifier: Apache-2.0

import Foundation
import Yams

extension Configuration {
    /// Reads a YAML file, then lays the environment (`TOLLGATE_` and the field's path in capitals) and the command
    /// line's settings over it.
    ///
    /// - Parameters:
    ///   - file: nil reads none.
    ///   - overrides: the field's path, the flag that set it, and its text.
    /// - Throws: ``ConfigurationError`` with every fault: file, line and field.
    public static func load(
        file: String?,
        environment: [String: String] = [:],
        overrides: [(field: String, flag: String, text: String)] = []
    ) throws(ConfigurationError) -> Configuration {
        var reader = ConfigurationReader()
        if let file { reader.read(file: file) }
        for field in ConfigurationField.all {
            if let text = environment[field.environmentName] {
                reader.set(field.path, text, source: "environment variable \(field.environmentName)", line: nil)
            }
        }
        for override in overrides {
            reader.set(override.field, override.text, source: "option \(override.flag)", line: nil)
        }
        reader.checkIssuers()
        reader.checkQuorum()
        guard reader.faults.isEmpty else { throw ConfigurationError(faults: reader.faults) }
        return reader.configuration
    }
}

private struct ConfigurationReader {
    var configuration = Configuration()
    var faults: [ConfigurationError.Fault] = []
    private var issuers: IssuerReader?

    /// To be called when everything has been read: the gateway's own name may come from anywhere.
    mutating func checkIssuers() {
        faults += issuers?.conflicts(own: configuration.tokens.issuer) ?? []
    }

    /// The quorum may come from anywhere too.
    mutating func checkQuorum() {
        let (quorum, count) = (configuration.audit.witnessQuorum, configuration.audit.witnesses.count)
        guard quorum > count, !faults.contains(where: { $0.field.hasPrefix("audit.witness") }) else { return }
        fault(
            "the configuration",
            nil,
            "audit.witness_quorum",
            "must be at most the number of audit.witnesses, not \(quorum) of \(count)"
        )
    }

    mutating func read(file: String) {
        guard let bytes = FileManager.default.contents(atPath: file) else {
            return fault(file, nil, "", "cannot be read: no such file, or no permission")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return fault(file, nil, "", "is not valid UTF-8")
        }
        do {
            guard let root = try Yams.compose(yaml: text) else { return }
            walk(root, path: "", file: file)
        } catch let error as YamlError {
            let (line, reason) = Self.place(of: error)
            fault(file, line, "", reason)
        } catch {
            fault(file, nil, "", "is not valid YAML")
        }
    }

    mutating func set(_ path: String, _ text: String, source: String, line: Int?) {
        guard let field = ConfigurationField.all.first(where: { $0.path == path }) else {
            return fault(source, line, path, "is not a field of the configuration" + Self.suggestion(for: path))
        }
        if let requirement = field.set(&configuration, text) {
            fault(source, line, path, "must be \(requirement.text), not '\(text.prefix(80))'")
        }
    }

    private mutating func walk(_ node: Node, path: String, file: String) {
        // The lists whose entries have fields.
        if node.scalar == nil {
            switch path {
            case "issuers": return readIssuers(node, file: file)
            case "audit.witnesses":
                let reader = EntryReader<Configuration.Witness>(node, file: file)
                faults += reader.faults
                configuration.audit.witnesses = reader.entries
                return
            case "audit.publish":
                let reader = EntryReader<Configuration.Destination>(node, file: file)
                faults += reader.faults
                configuration.audit.publish = reader.entries
                return
            default: break
            }
        }
        switch node {
        case .scalar(let scalar):
            guard !path.isEmpty else { return fault(file, scalar.mark?.line, "", "must hold fields, as 'name: value'") }
            set(path, scalar.string, source: file, line: scalar.mark?.line)
        case .mapping(let mapping):
            guard path.isEmpty || ConfigurationField.all.contains(where: { $0.path.hasPrefix(path + ".") }) else {
                set(path, "", source: file, line: mapping.mark?.line)
                return
            }
            for (key, value) in mapping {
                let name = key.string ?? "?"
                let below = path.isEmpty ? name : "\(path).\(name)"
                let isSection = ConfigurationField.all.contains { $0.path.hasPrefix(below + ".") }
                let isField = ConfigurationField.all.contains { $0.path == below }
                if !isSection && !isField {
                    fault(file, key.mark?.line, below, "is not a field" + Self.suggestion(for: below))
                } else if isSection, value.mapping == nil {
                    // An empty section sets nothing.
                    if value.scalar?.string != "" { fault(file, key.mark?.line, below, "must hold fields below it") }
                } else {
                    walk(value, path: below, file: file)
                }
            }
        case .sequence(let sequence) where ConfigurationField.all.contains { $0.path == path && $0.isList }:
            let texts = sequence.compactMap(\.scalar?.string)
            guard texts.count == sequence.count, !texts.contains(where: { $0.contains(",") }) else {
                return fault(file, node.mark?.line, path, "must be a list of texts without a comma")
            }
            set(path, texts.joined(separator: ","), source: file, line: node.mark?.line)
        case .sequence, .alias:
            fault(file, node.mark?.line, path, "must be a single value")
        }
    }

    private mutating func readIssuers(_ list: Node, file: String) {
        let reader = IssuerReader(list, file: file)
        faults += reader.faults
        configuration.issuers = reader.issuers
        issuers = reader
    }

    private mutating func fault(_ source: String, _ line: Int?, _ field: String, _ reason: String) {
        faults.append(ConfigurationError.Fault(source: source, line: line, field: field, reason: reason))
    }

    private static func place(of error: YamlError) -> (line: Int?, reason: String) {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return (mark.line, "is not valid YAML: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            return (context.mark.line, "has a field twice: \(duplicates.map { "\($0)" }.joined(separator: ", "))")
        default:
            return (nil, "is not valid YAML")
        }
    }

    /// The nearest field, where one is near enough to be what was meant.
    private static func suggestion(for path: String) -> String {
        let candidates = ConfigurationField.all.map { (path: $0.path, distance: distance($0.path, path)) }
        guard let best = candidates.min(by: { $0.distance < $1.distance }), best.distance <= 3 else { return "" }
        return "; did you mean \(best.path)?"
    }

    /// Levenshtein's.
    private static func distance(_ a: String, _ b: String) -> Int {
        let b = Array(b.utf8)
        var row = Array(0...b.count)
        for (i, x) in a.utf8.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let cost = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(cost, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}
