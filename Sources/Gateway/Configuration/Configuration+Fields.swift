// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore

/// One thing that can be set: its place in the file, and how a text becomes its value.
///
/// The file, the environment and the command line all go through this one table.
struct ConfigurationField: Sendable {
    /// `listeners.tenants.port`; the environment's name is made from it.
    let path: String
    /// Sets the value, or says what it must be.
    let set: @Sendable (inout Configuration, String) -> Requirement?

    /// The end of the sentence "must be …".
    struct Requirement: Sendable {
        let text: String
    }

    /// `TOLLGATE_LISTENERS_TENANTS_PORT`.
    var environmentName: String {
        "TOLLGATE_" + path.uppercased().replacing(".", with: "_")
    }

    static let all: [ConfigurationField] =
        [
            text("listeners.tenants.address", \.tenants.address, "an IP address"),
            number("listeners.tenants.port", \.tenants.port, 0...65_535),
            text("listeners.tenants.certificate", \.tenants.certificate, "a PEM file"),
            text("listeners.tenants.key", \.tenants.key, "a PEM file"),
            text("listeners.management.address", \.management.address, "an IP address"),
            number("listeners.management.port", \.management.port, 0...65_535),
            text("listeners.management.certificate", \.management.certificate, "a PEM file"),
            text("listeners.management.key", \.management.key, "a PEM file"),
            text("name", \.name, "a name of 1 to 200 visible characters without spaces") {
                (1...200).contains($0.utf8.count) && $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
            },
            text("state", \.state, "a folder"),
            number("event_loops", \.eventLoops, 0...256),
            number("drain_seconds", \.drainSeconds, 0...3600),
            text("models.directory", \.models.directory, "a folder"),
            text("models.default", \.models.default, "a model name") { ModelName($0) != nil },
            number("models.max_instances", \.models.maxInstances, 1...1_000_000),
            text("tokens.issuer", \.tokens.issuer, "an https URL") { $0.hasPrefix("https://") && $0.utf8.count > 8 },
            text("tokens.audience", \.tokens.audience, "a text"),
            number("tokens.lifetime_seconds", \.tokens.lifetimeSeconds, 1...86_400),
            number("tokens.leeway_seconds", \.tokens.leewaySeconds, 0...300),
            choice("tokens.algorithm", \.tokens.algorithm),
            number("tokens.cache_entries", \.tokens.cacheEntries, 1...1_000_000),
            choice("audit.durability", \.audit.durability),
            number("http.max_body_bytes", \.http.maxBodyBytes, 1...1_073_741_824),
            number("http.max_header_bytes", \.http.maxHeaderBytes, 1024...262_144),
            number("http.max_header_count", \.http.maxHeaderCount, 8...1000),
            number("http.header_seconds", \.http.headerSeconds, 1...3600),
            number("http.body_seconds", \.http.bodySeconds, 1...3600),
            number("http.idle_seconds", \.http.idleSeconds, 1...86_400),
            number("http.handshake_seconds", \.http.handshakeSeconds, 1...3600),
            number("http.max_connections", \.http.maxConnections, 1...1_000_000),
            choice("log.level", \.log.level),
            choice("log.format", \.log.format),
        ]

    private typealias Path<Value> = any WritableKeyPath<Configuration, Value> & Sendable

    private static func text(
        _ name: String,
        _ path: Path<String>,
        _ requirement: String,
        isValid: @escaping @Sendable (String) -> Bool = { !$0.isEmpty }
    ) -> ConfigurationField {
        ConfigurationField(path: name) { configuration, text in
            guard isValid(text) else { return Requirement(text: requirement) }
            configuration[keyPath: path] = text
            return nil
        }
    }

    private static func number(_ name: String, _ path: Path<Int>, _ range: ClosedRange<Int>) -> ConfigurationField {
        ConfigurationField(path: name) { configuration, text in
            guard let value = Int(text), range.contains(value) else {
                return Requirement(text: "a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            configuration[keyPath: path] = value
            return nil
        }
    }

    private static func choice<Value: RawRepresentable & CaseIterable & Sendable>(
        _ name: String,
        _ path: Path<Value>
    ) -> ConfigurationField where Value.RawValue == String {
        let words = Value.allCases.map(\.rawValue)
        return ConfigurationField(path: name) { configuration, text in
            guard let value = Value(rawValue: text) else {
                return Requirement(text: "one of \(words.joined(separator: ", "))")
            }
            configuration[keyPath: path] = value
            return nil
        }
    }
}
