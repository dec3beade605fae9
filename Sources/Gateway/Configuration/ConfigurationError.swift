// SPDX-License-Identifier: Apache-2.0

/// What is wrong with a configuration: every fault found, each with its place.
public struct ConfigurationError: Error, CustomStringConvertible, Sendable, Equatable {
    /// One thing wrong, at one place.
    public struct Fault: Sendable, Equatable, CustomStringConvertible {
        /// `config/gateway.yaml`, `environment variable TOLLGATE_LOG_LEVEL` or `option --port`.
        public let source: String
        /// From 1; nil outside files.
        public let line: Int?
        /// `listeners.tenants.port`; empty when the fault is of the whole.
        public let field: String
        /// Reads on from the field: `must be …`, `is not a field …`; may quote the text that was set.
        public let reason: String

        /// `config/gateway.yaml:7: listeners.tenants.port: must be a whole number from 0 to 65535`.
        public var description: String {
            source + (line.map { ":\($0)" } ?? "") + ": " + (field.isEmpty ? "" : field + ": ") + reason
        }
    }

    /// Never empty; the file's first, then the environment's, then the command line's.
    public let faults: [Fault]

    /// A line for each fault.
    public var description: String { faults.map(\.description).joined(separator: "\n") }
}
