// SPDX-License-Identifier: Apache-2.0

/// A count that only grows; one series of a ``CounterFamily``.
///
/// Keep the handle: an increment is one relaxed atomic add, without a lock, a look-up or an allocation.
public final class Counter: Sendable {
    private let cells: ShardedCells

    init(shards: Int) {
        cells = ShardedCells(shards: shards, columns: 1)
    }

    /// Counts on the shard of the calling event loop. Any shard is correct; one's own is fast.
    public func increment(by amount: UInt64 = 1, shard: Int) {
        cells.add(amount, shard: shard)
    }

    /// The count over all shards.
    public var value: UInt64 { cells.sum() }
}
