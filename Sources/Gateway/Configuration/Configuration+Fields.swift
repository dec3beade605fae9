// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Inference

/// One thing that can be set: its place in the file, and how a text becomes its value.
///
/// The file, the environment and the command line all go through this one table.
struct ConfigurationField: Sendable {
    /// `listeners.tenants.port`; the environment's name is made from it.
    let path: String
    /// Whether the file may give it as a list.
    var isList = false
    /// Whether a reload may change it; else only a restart does.
    private(set) var reloads = false
    /// Whether two configurations have the same value.
    let isSame: @Sendable (Configuration, Configuration) -> Bool
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
            files("listeners.tenants.certificate", \.tenants.certificate).reloading,
            files("listeners.tenants.key", \.tenants.key).reloading,
            choice("listeners.tenants.tls_policy", \.tenants.tlsPolicy).reloading,
            choice("listeners.tenants.client_certificates", \.tenants.clientCertificates).reloading,
            text("listeners.tenants.client_authorities", \.tenants.clientAuthorities, "a PEM file") { _ in true }
                .reloading,
            text("listeners.tenants.client_revocations", \.tenants.clientRevocations, "a PEM file") { _ in true }
                .reloading,
            text("listeners.management.address", \.management.address, "an IP address"),
            number("listeners.management.port", \.management.port, 0...65_535),
            files("listeners.management.certificate", \.management.certificate).reloading,
            files("listeners.management.key", \.management.key).reloading,
            choice("listeners.management.tls_policy", \.management.tlsPolicy).reloading,
            choice("listeners.management.client_certificates", \.management.clientCertificates).reloading,
            text("listeners.management.client_authorities", \.management.clientAuthorities, "a PEM file") { _ in true }
                .reloading,
            text("listeners.management.client_revocations", \.management.clientRevocations, "a PEM file") { _ in true }
                .reloading,
            clientKeys("listeners.management.client_keys", \.management.clientKeys).reloading,
            text(
                "name",
                \.name,
                "a name of 1 to 200 visible characters without spaces and plus signs",
                isValid: isName
            ),
            text("state", \.state, "a folder"),
            number("event_loops", \.eventLoops, 0...256),
            number("drain_seconds", \.drainSeconds, 0...3600).reloading,
            text("models.directory", \.models.directory, "a folder"),
            text("models.default", \.models.default, "a model name") { ModelName($0) != nil },
            number("models.max_instances", \.models.maxInstances, 1...1_000_000).reloading,
            choice("models.json", \.models.json).reloading,
            ConfigurationField(path: "models.versions", isSame: { $0.models.versions == $1.models.versions }) {
                configuration,
                text in
                guard let policy = VersionPolicy(text) else {
                    return Requirement(text: "all, latest N, or version numbers with commas between them")
                }
                configuration.models.versions = policy
                return nil
            },
            choice("models.manifest", \.models.manifest),
            files("models.signers", \.models.signers, orNone: true),
            number("models.max_version_bytes", \.models.maxVersionBytes, 1...1 << 40),
            number("models.watch_settle_seconds", \.models.watchSettleSeconds, 0...86_400),
            number("inference.loop_microseconds", \.inference.loopMicroseconds, 0...1_000_000),
            number("inference.turn_microseconds", \.inference.turnMicroseconds, 1...1_000_000),
            number("inference.batch_microseconds", \.inference.batchMicroseconds, 1...10_000_000),
            number("inference.queue_requests", \.inference.queueRequests, 1...1_000_000),
            number("inference.queue_requests_per_tenant", \.inference.queueRequestsPerTenant, 1...1_000_000),
            number("models.feedback_instances", \.models.feedbackInstances, 0...100_000_000),
            text("models.onnxruntime_library", \.models.onnxRuntimeLibrary, "the path of a library") { _ in true },
            text("tokens.issuer", \.tokens.issuer, "an https URL without query or fragment", isValid: isIssuer),
            text("tokens.audience", \.tokens.audience, "a text"),
            number("tokens.lifetime_seconds", \.tokens.lifetimeSeconds, 1...86_400),
            number("tokens.leeway_seconds", \.tokens.leewaySeconds, 0...300),
            choice("tokens.algorithm", \.tokens.algorithm),
            choice("tokens.typ", \.tokens.typ),
            number("tokens.rotation_days", \.tokens.rotationDays, 1...3650),
            number("tokens.jwks_max_age_seconds", \.tokens.jwksMaxAgeSeconds, 0...86_400),
            number("tokens.cache_entries", \.tokens.cacheEntries, 1...1_000_000),
            list("issuers", \.issuers).reloading,
            choice("audit.durability", \.audit.durability),
            number("audit.refusals_per_second", \.audit.refusalsPerSecond, 0...100_000),
            text("audit.origin", \.audit.origin, "a name of 1 to 200 visible characters without spaces and plus signs")
            {
                $0.isEmpty || isName($0)
            },
            choice("audit.receipts", \.audit.receipts),
            number("audit.checkpoint_milliseconds", \.audit.checkpointMilliseconds, 10...60_000),
            list("audit.witnesses", \.audit.witnesses).reloading,
            number("audit.witness_seconds", \.audit.witnessSeconds, 1...3600).reloading,
            number("audit.witness_quorum", \.audit.witnessQuorum, 0...64).reloading,
            list("audit.publish", \.audit.publish).reloading,
            number("audit.publish_seconds", \.audit.publishSeconds, 1...86_400).reloading,
            number("audit.retention_days", \.audit.retentionDays, 0...36_500).reloading,
            number("audit.retention_bytes", \.audit.retentionBytes, 0...1 << 50).reloading,
            choice("audit.personal_fields", \.audit.personalFields),
            number("http.max_body_bytes", \.http.maxBodyBytes, 1...1_073_741_824).reloading,
            number("http.max_header_bytes", \.http.maxHeaderBytes, 1024...262_144).reloading,
            number("http.max_header_count", \.http.maxHeaderCount, 8...1000).reloading,
            number("http.handshake_seconds", \.http.handshakeSeconds, 1...3600).reloading,
            number("http.header_seconds", \.http.headerSeconds, 1...3600).reloading,
            number("http.body_seconds", \.http.bodySeconds, 1...3600).reloading,
            number("http.min_body_bytes_per_second", \.http.minBodyBytesPerSecond, 0...1_000_000).reloading,
            number("http.request_seconds", \.http.requestSeconds, 1...86_400).reloading,
            number("http.write_seconds", \.http.writeSeconds, 1...3600).reloading,
            number("http.idle_seconds", \.http.idleSeconds, 1...86_400).reloading,
            number("http.max_requests_per_connection", \.http.maxRequestsPerConnection, 1...1_000_000_000).reloading,
            number("http.max_pipelined", \.http.maxPipelined, 1...10_000).reloading,
            number("http.max_streams", \.http.maxStreams, 1...10_000).reloading,
            number("http.max_connections", \.http.maxConnections, 1...1_000_000).reloading,
            number("http.max_connections_per_source", \.http.maxConnectionsPerSource, 1...1_000_000).reloading,
            number("http.max_connections_per_tenant", \.http.maxConnectionsPerTenant, 1...1_000_000).reloading,
            number("http.max_handshakes", \.http.maxHandshakes, 1...1_000_000).reloading,
            choice("log.level", \.log.level).reloading,
            choice("log.format", \.log.format),
        ]

    /// What can stand in the origin line and as the key's name of a signed note.
    private static func isName(_ text: String) -> Bool {
        (1...200).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "+") }
    }

    /// The same field, for a reload to change.
    private var reloading: ConfigurationField {
        var field = self
        field.reloads = true
        return field
    }

    /// RFC 8414, section 2.
    private static func isIssuer(_ text: String) -> Bool {
        text.hasPrefix("https://") && text.utf8.count > 8 && !text.hasPrefix("https:///")
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !"?#@\"\\<>".utf8.contains($0) }
    }

    private typealias Path<Value> = any WritableKeyPath<Configuration, Value> & Sendable

    private static func text(
        _ name: String,
        _ path: Path<String>,
        _ requirement: String,
        isValid: @escaping @Sendable (String) -> Bool = { !$0.isEmpty }
    ) -> ConfigurationField {
        ConfigurationField(path: name, isSame: { $0[keyPath: path] == $1[keyPath: path] }) { configuration, text in
            guard isValid(text) else { return Requirement(text: requirement) }
            configuration[keyPath: path] = text
            return nil
        }
    }

    /// A list of files; in one text they stand with commas between them.
    private static func files(
        _ name: String,
        _ path: Path<[String]>,
        orNone: Bool = false
    ) -> ConfigurationField {
        var field = ConfigurationField(path: name, isSame: { $0[keyPath: path] == $1[keyPath: path] }) {
            configuration,
            text in
            let files = text.split(separator: ",", omittingEmptySubsequences: orNone && text.isEmpty).map {
                String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            }
            guard !files.contains("") else {
                return Requirement(text: "a PEM file, or several with commas between them")
            }
            configuration[keyPath: path] = files
            return nil
        }
        field.isList = true
        return field
    }

    /// A list whose entries have fields: the file alone can have it, and a reader of its own reads it.
    private static func list<Entry: Equatable & Sendable>(_ name: String, _ path: Path<[Entry]>) -> ConfigurationField {
        ConfigurationField(path: name, isSame: { $0[keyPath: path] == $1[keyPath: path] }) { configuration, text in
            // An empty section sets nothing.
            guard text.isEmpty else { return Requirement(text: "a list in the configuration file") }
            configuration[keyPath: path] = []
            return nil
        }
    }

    private static func number(_ name: String, _ path: Path<Int>, _ range: ClosedRange<Int>) -> ConfigurationField {
        ConfigurationField(path: name, isSame: { $0[keyPath: path] == $1[keyPath: path] }) { configuration, text in
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
        return ConfigurationField(path: name, isSame: { $0[keyPath: path] == $1[keyPath: path] }) {
            configuration,
            text in
            guard let value = Value(rawValue: text) else {
                return Requirement(text: "one of \(words.joined(separator: ", "))")
            }
            configuration[keyPath: path] = value
            return nil
        }
    }
}
