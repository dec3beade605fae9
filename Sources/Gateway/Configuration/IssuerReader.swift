// SPDX-License-Identifier: Apache-2.0

import Yams

/// Reads the list `issuers` of the configuration file; a list fits neither the environment nor the command line.
struct IssuerReader {
    private(set) var issuers: [Configuration.Issuer] = []
    private(set) var faults: [ConfigurationError.Fault] = []
    /// Of each issuer's beginning in the file.
    private(set) var lines: [Int?] = []
    private let file: String

    init(_ list: Node, file: String) {
        self.file = file
        guard let sequence = list.sequence else {
            fault(list.mark?.line, "issuers", "must be a list, each of whose entries begins with '- issuer: …'")
            return
        }
        for node in sequence {
            lines.append(node.mark?.line)
            issuers.append(read(node, path: "issuers[\(issuers.count)]"))
        }
    }

    /// What is wrong with the list as a whole.
    ///
    /// - Parameter own: the name under which the gateway issues tokens itself.
    func conflicts(own: String) -> [ConfigurationError.Fault] {
        issuers.indices.compactMap { index in
            let name = issuers[index].issuer
            let reason: String
            if name == own {
                reason = "is the gateway's own name, which tokens.issuer is"
            } else if !name.isEmpty, issuers[..<index].contains(where: { $0.issuer == name }) {
                reason = "is in the list twice"
            } else {
                return nil
            }
            return .init(source: file, line: lines[index], field: "issuers[\(index)].issuer", reason: reason)
        }
    }

    private mutating func read(_ node: Node, path: String) -> Configuration.Issuer {
        var issuer = Configuration.Issuer()
        let line = node.mark?.line
        guard let mapping = node.mapping else {
            fault(line, path, "must hold fields, as 'issuer: …'")
            return issuer
        }
        var given: Set<String> = []
        for (key, value) in mapping {
            let name = key.string ?? "?"
            given.insert(name)
            guard let field = IssuerField.all.first(where: { $0.name == name }) else {
                let names = IssuerField.all.map(\.name).joined(separator: ", ")
                fault(key.mark?.line, "\(path).\(name)", "is not a field of an issuer, which has \(names)")
                continue
            }
            if let requirement = field.set(&issuer, value) {
                fault(key.mark?.line, "\(path).\(name)", "must be \(requirement)")
            }
        }
        if !given.contains("issuer") { fault(line, "\(path).issuer", "is missing: the 'iss' of its tokens") }
        if given.contains("jwks_url") == given.contains("jwks_file") {
            fault(line, path, "must have either jwks_url or jwks_file")
        }
        if given.contains("jwks_file"), given.contains("ca_file") {
            fault(line, "\(path).ca_file", "is of no use with jwks_file")
        }
        if given.isSuperset(of: ["tenant", "tenant_claim"]) {
            fault(line, path, "must have either tenant or tenant_claim")
        }
        return issuer
    }

    private mutating func fault(_ line: Int?, _ field: String, _ reason: String) {
        faults.append(.init(source: file, line: line, field: field, reason: reason))
    }
}
