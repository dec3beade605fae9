// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A value that goes up and down; one series of a ``GaugeFamily``.
///
/// It shows the level last set plus all deltas. Use one of the two: `set` for a state, `add` for things that come and
/// go on the event loops.
public final class Gauge: Sendable {
    private let level = Atomic<UInt64>(0)
    private let deltas: ShardedCells

    init(shards: Int) {
        deltas = ShardedCells(shards: shards, columns: 1)
    }

    /// Replaces the level; deltas stay.
    public func set(_ value: Double) {
        level.store(value.bitPattern, ordering: .relaxed)
    }

    /// Moves the value by a delta, negative to go down; one relaxed atomic add.
    public func add(_ delta: Int64, shard: Int) {
        deltas.add(UInt64(bitPattern: delta), shard: shard)
    }

    /// The level and the deltas of all shards.
    public var value: Double {
        Double(bitPattern: level.load(ordering: .relaxed)) + Double(Int64(bitPattern: deltas.sum()))
    }
}
