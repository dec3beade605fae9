// SPDX-License-Identifier: Apache-2.0

/// What is wrong with a configuration: every fault found, each with its place.
public struct ConfigurationError: Error, CustomStringConvertible, Sendable, Equatable {
    public struct Fault: Sendable, Equatable, CustomStringConvertible {
        /// `config/gateway.yaml`, `environment` or `command line`.
        public let source: String
        /// From 1; nil outside files.
        public let line: Int?
        /// `listeners.tenants.port`; empty when the fault is of the whole.
        public let field: String
        public let reason: String

        /// `config/gateway.yaml:7: listeners.tenants.port: must be a whole number from 0 to 65535`.
        public var description: String {
            source + (line.map { ":\($0)" } ?? "") + ": " + (field.isEmpty ? "" : field + ": ") + reason
        }
    }

    public let faults: [Fault]

    public var description: String { faults.map(\.description).joined(separator: "\n") }
}
