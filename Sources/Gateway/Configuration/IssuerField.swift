// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCrypto
import Yams

/// One thing that can be set of an issuer: its name in the file, and how what stands there becomes its value.
struct IssuerField: Sendable {
    let name: String
    /// Sets the value, or says what it must be: the end of the sentence "must be …".
    let set: @Sendable (inout Configuration.Issuer, Node) -> String?

    static let all = [
        text("issuer", \.issuer, "a text of 1 to 512 visible characters", isValid: isVisible),
        text("jwks_url", \.jwksURL, "an https URL without user name and fragment", isValid: isURL),
        text("jwks_file", \.jwksFile, "a file"),
        text("ca_file", \.caFile, "a PEM file"),
        IssuerField(name: "audiences") { issuer, node in
            guard let texts = texts(of: node), !texts.isEmpty, texts.allSatisfy(isVisible) else {
                return "a list of texts, of at least one"
            }
            issuer.audiences = texts
            return nil
        },
        IssuerField(name: "algorithms") { issuer, node in
            let known = Configuration.Issuer.everyAlgorithm
            let texts = texts(of: node) ?? []
            let algorithms = texts.compactMap { text in known.first { $0.rawValue == text } }
            guard !texts.isEmpty, algorithms.count == texts.count else {
                return "a list of some of \(known.map(\.rawValue).joined(separator: ", "))"
            }
            issuer.algorithms = algorithms
            return nil
        },
        text("tenant_claim", \.tenantClaim, "the name of a claim"),
        IssuerField(name: "tenant") { issuer, node in
            guard let id = node.scalar.flatMap({ TenantID($0.string) }), id != .system else {
                return "the id of a tenant"
            }
            issuer.tenant = id
            return nil
        },
        text("client_claim", \.clientClaim, "the name of a claim"),
        text("scope_claim", \.scopeClaim, "the name of a claim"),
        IssuerField(name: "scopes") { issuer, node in
            guard let mapping = node.mapping, let scopes = scopes(of: mapping) else {
                return "a mapping from the issuer's words to the gateway's scopes, each some of: \(Role.tenant.scopes)"
            }
            issuer.scopes = scopes
            return nil
        },
        number("refresh_seconds", \.refreshSeconds, 1...86_400),
        number("cooldown_seconds", \.cooldownSeconds, 1...3600),
        number("timeout_seconds", \.timeoutSeconds, 1...30),
        number("max_stale_seconds", \.maxStaleSeconds, 0...315_360_000),
    ]

    // MARK: - Values

    private typealias Path<Value> = any WritableKeyPath<Configuration.Issuer, Value> & Sendable

    private static func text(
        _ name: String,
        _ path: Path<String>,
        _ requirement: String,
        isValid: @escaping @Sendable (String) -> Bool = { !$0.isEmpty }
    ) -> IssuerField {
        IssuerField(name: name) { issuer, node in
            guard let text = node.scalar?.string, isValid(text) else { return requirement }
            issuer[keyPath: path] = text
            return nil
        }
    }

    private static func number(_ name: String, _ path: Path<Int>, _ range: ClosedRange<Int>) -> IssuerField {
        IssuerField(name: name) { issuer, node in
            guard let value = node.scalar.flatMap({ Int($0.string) }), range.contains(value) else {
                return "a whole number from \(range.lowerBound) to \(range.upperBound)"
            }
            issuer[keyPath: path] = value
            return nil
        }
    }

    /// A list of texts, or one text for a list of one.
    private static func texts(of node: Node) -> [String]? {
        if let scalar = node.scalar { return [scalar.string] }
        guard let sequence = node.sequence else { return nil }
        let texts = sequence.compactMap(\.scalar?.string)
        return texts.count == sequence.count ? texts : nil
    }

    private static func scopes(of mapping: Node.Mapping) -> [String: ScopeSet]? {
        var scopes: [String: ScopeSet] = [:]
        for (key, value) in mapping {
            // A word of a claim has no space in it.
            guard let word = key.string, isVisible(word), let names = texts(of: value)?.joined(separator: " "),
                ScopeSet.unknown(in: names).isEmpty, Role.tenant.scopes.isSuperset(of: ScopeSet(names)),
                !ScopeSet(names).isEmpty
            else { return nil }
            scopes[word] = ScopeSet(names)
        }
        return scopes
    }

    @Sendable private static func isVisible(_ text: String) -> Bool {
        (1...512).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    }

    /// A password in a URL would stand in logs and records.
    @Sendable private static func isURL(_ text: String) -> Bool {
        guard isVisible(text), text.hasPrefix("https://"), let url = URLComponents(string: text) else { return false }
        return url.host?.isEmpty == false && url.user == nil && url.password == nil && url.fragment == nil
    }
}
