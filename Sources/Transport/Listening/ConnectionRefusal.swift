// SPDX-License-Identifier: Apache-2.0

/// Why a connection was closed as soon as it was accepted.
public enum ConnectionRefusal: Int, Sendable, CaseIterable {
    /// ``ConnectionLimits/Settings/total`` are open.
    case tooManyConnections
    /// ``ConnectionLimits/Settings/perSource`` are open from that source.
    case tooManyFromSource
    /// ``ConnectionLimits/Settings/handshakes`` are under way.
    case tooManyHandshakes
    /// ``ConnectionLimits/Settings/handshakesPerSource`` are under way from that source.
    case tooManyHandshakesFromSource
    /// The process or the system has no file descriptor left (EMFILE, ENFILE).
    case noDescriptors

    /// The reason as a word, for metrics and records.
    public var label: StaticString {
        switch self {
        case .tooManyConnections: "connections_exceeded"
        case .tooManyFromSource: "source_connections_exceeded"
        case .tooManyHandshakes: "handshakes_exceeded"
        case .tooManyHandshakesFromSource: "source_handshakes_exceeded"
        case .noDescriptors: "descriptors_exhausted"
        }
    }
}
