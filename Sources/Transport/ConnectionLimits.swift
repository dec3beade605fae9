// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// How many connections a listener has, over all loops and from each source; touched when one comes and when it goes.
public final class ConnectionLimits: Sendable {
    /// Why a connection is turned away.
    public enum Refusal: String, Sendable, CaseIterable {
        /// There are as many as allowed.
        case connections = "connections_exceeded"
        /// Its source has as many as allowed.
        case source = "source_connections_exceeded"
        /// There are as many handshakes under way as allowed.
        case handshakes = "handshakes_exceeded"
        /// The process has no descriptor left for it.
        case descriptors = "descriptors_exhausted"
    }

    /// The most of each.
    public struct Bounds: Sendable, Equatable {
        /// Connections.
        public var connections: Int
        /// Connections of one source address.
        public var perSource: Int
        /// Handshakes at the same time.
        public var handshakes: Int

        /// Bounds of at least 1 each.
        public init(connections: Int, perSource: Int, handshakes: Int) {
            self.connections = connections
            self.perSource = perSource
            self.handshakes = handshakes
        }
    }

    private let bounds: Mutex<Bounds>
    private let open = Atomic(0)
    private let shaking = Atomic(0)
    private let sources = Mutex<[SocketAddress.Source: Int]>([:])

    /// Nothing counted yet.
    public init(_ bounds: Bounds) {
        self.bounds = Mutex(bounds)
    }

    /// Sets other bounds for the connections that come.
    public func set(_ bounds: Bounds) {
        self.bounds.withLock { $0 = bounds }
    }

    /// Open connections.
    public var count: Int { open.load(ordering: .relaxed) }

    /// Counts a connection and its handshake; with an answer nothing was counted.
    func enter(_ source: SocketAddress.Source) -> Refusal? {
        let bounds = bounds.withLock { $0 }
        guard open.wrappingAdd(1, ordering: .relaxed).newValue <= bounds.connections else {
            open.wrappingSubtract(1, ordering: .relaxed)
            return .connections
        }
        guard shaking.wrappingAdd(1, ordering: .relaxed).newValue <= bounds.handshakes else {
            shaking.wrappingSubtract(1, ordering: .relaxed)
            open.wrappingSubtract(1, ordering: .relaxed)
            return .handshakes
        }
        let fits = sources.withLock { sources in
            let count = sources[source, default: 0]
            guard count < bounds.perSource else { return false }
            sources[source] = count + 1
            return true
        }
        guard fits else {
            shaking.wrappingSubtract(1, ordering: .relaxed)
            open.wrappingSubtract(1, ordering: .relaxed)
            return .source
        }
        return nil
    }

    func handshakeEnded() { shaking.wrappingSubtract(1, ordering: .relaxed) }

    func leave(_ source: SocketAddress.Source) {
        open.wrappingSubtract(1, ordering: .relaxed)
        sources.withLock { sources in
            guard let count = sources[source] else { return }
            sources[source] = count > 1 ? count - 1 : nil
        }
    }
}
