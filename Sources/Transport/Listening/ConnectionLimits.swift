// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Counts open connections and handshakes, of all event loops together, and says when there are enough.
///
/// A source is an IPv4 address or an IPv6 /64. It is touched when a connection is accepted, when its handshake is done
/// and when it closes, never by a request.
public final class ConnectionLimits: Sendable {
    /// The numbers allowed at once.
    public struct Settings: Sendable, Equatable {
        /// Open connections.
        public var total: Int
        /// Open connections of one source.
        public var perSource: Int
        /// Handshakes that have begun and not ended.
        public var handshakes: Int
        /// The same of one source.
        public var handshakesPerSource: Int

        /// Limits that fit one gateway with a few thousand clients.
        public init(
            total: Int = 10_000,
            perSource: Int = 1_000,
            handshakes: Int = 1_000,
            handshakesPerSource: Int = 200
        ) {
            self.total = total
            self.perSource = perSource
            self.handshakes = handshakes
            self.handshakesPerSource = handshakesPerSource
        }
    }

    /// What is allowed.
    public var settings: Settings { current.withLock { $0 } }
    private let current: Mutex<Settings>

    private struct Counts {
        var open = 0
        var handshakes = 0
    }

    // A table of its own for each shard: loops that accept at the same time seldom meet at one lock.
    private final class Shard: Sendable {
        let counts = Mutex<[UInt64: Counts]>([:])
    }

    private let open = Atomic<Int>(0)
    private let handshaking = Atomic<Int>(0)
    private let shards: [Shard]

    /// Nothing is open yet.
    public init(_ settings: Settings) {
        current = Mutex(settings)
        shards = (0..<64).map { _ in Shard() }
    }

    /// Allows other numbers from now on; whoever is there stays.
    public func set(_ settings: Settings) { current.withLock { $0 = settings } }

    /// Connections that are open now.
    public var connections: Int { open.load(ordering: .relaxed) }
    /// Handshakes under way now.
    public var handshakes: Int { handshaking.load(ordering: .relaxed) }
    /// Sources with an open connection.
    public var sources: Int { shards.reduce(0) { $0 + $1.counts.withLock { $0.count } } }

    /// Counts a new connection with its handshake, or says why it must go; then nothing was counted.
    func admit(_ source: UInt64) -> ConnectionRefusal? {
        let settings = settings
        guard open.add(1, ordering: .relaxed).newValue <= settings.total else {
            open.subtract(1, ordering: .relaxed)
            return .tooManyConnections
        }
        guard handshaking.add(1, ordering: .relaxed).newValue <= settings.handshakes else {
            giveBack()
            return .tooManyHandshakes
        }
        let refusal: ConnectionRefusal? = shard(source).counts.withLock { table in
            var counts = table[source] ?? Counts()
            guard counts.open < settings.perSource else { return .tooManyFromSource }
            guard counts.handshakes < settings.handshakesPerSource else { return .tooManyHandshakesFromSource }
            counts.open += 1
            counts.handshakes += 1
            table[source] = counts
            return nil
        }
        if refusal != nil { giveBack() }
        return refusal
    }

    /// A handshake ended, well or not; the connection still counts.
    func handshakeEnded(_ source: UInt64) {
        handshaking.subtract(1, ordering: .relaxed)
        shard(source).counts.withLock { $0[source]?.handshakes -= 1 }
    }

    /// A connection closed, whose handshake had ended before.
    func release(_ source: UInt64) {
        open.subtract(1, ordering: .relaxed)
        shard(source).counts.withLock { table in
            guard var counts = table[source] else { return }
            counts.open -= 1
            // A source that is gone leaves nothing behind, or the table would grow with every address ever seen.
            table[source] = counts.open > 0 ? counts : nil
        }
    }

    private func giveBack() {
        handshaking.subtract(1, ordering: .relaxed)
        open.subtract(1, ordering: .relaxed)
    }

    private func shard(_ source: UInt64) -> Shard {
        // The last bits of IPv4 addresses and the first of IPv6 prefixes differ little: mix all of them.
        shards[Int(truncatingIfNeeded: (source &* 0x9e37_79b9_7f4a_7c15) >> 58)]
    }
}
