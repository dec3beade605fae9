// SPDX-License-Identifier: Apache-2.0

/// Observations counted by size; one series of a ``HistogramFamily``.
///
/// Keep the handle: an observation is two relaxed atomic operations, without a lock, a look-up or an allocation.
public final class Histogram: Sendable {
    /// Upper bounds, inclusive, ascending; the bucket above the last one is implied.
    public let bounds: [Double]
    private let cells: ShardedCells

    init(bounds: [Double], shards: Int) {
        self.bounds = bounds
        // A word for each bucket, one for the bucket without bound, one for the sum.
        cells = ShardedCells(shards: shards, columns: bounds.count + 2)
    }

    /// Counts a value in the family's unit. What is not finite counts as above all bounds and adds nothing to the sum.
    public func observe(_ value: Double, shard: Int) {
        var bucket = 0
        // NaN compares false to all and must not end in the lowest bucket.
        while bucket < bounds.count, !(value <= bounds[bucket]) { bucket += 1 }
        cells.add(1 as UInt64, shard: shard, column: bucket)
        if value.isFinite { cells.add(value, shard: shard, column: bounds.count + 1) }
    }

    /// Counts a duration in a family whose unit is the second.
    public func observe(nanoseconds: Int64, shard: Int) {
        // Divided, not multiplied by 1e-9: the quotient is the nearest Double, so a bound belongs to its own bucket.
        observe(Double(nanoseconds) / 1e9, shard: shard)
    }

    /// What was observed so far.
    public struct Snapshot: Equatable, Sendable {
        /// Observations at most as large as each bound; the last is the count of all.
        public let cumulative: [UInt64]
        /// All finite values added up, in the family's unit.
        public let sum: Double

        /// Observations, those that are not finite included.
        public var count: UInt64 { cumulative[cumulative.count - 1] }
    }

    /// Adds the shards up. The sum may be ahead of the counts by what is observed meanwhile.
    public func snapshot() -> Snapshot {
        var total: UInt64 = 0
        let cumulative = (0...bounds.count).map { column in
            total += cells.sum(column: column)
            return total
        }
        return Snapshot(cumulative: cumulative, sum: cells.sumOfDoubles(column: bounds.count + 1))
    }
}

extension Histogram {
    /// Bounds in seconds for requests and inference: 100 µs to 10 s.
    public static let durationBuckets: [Double] = [
        0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]

    /// Bounds for sizes of a batch: powers of two to 1024.
    public static let batchBuckets: [Double] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
}
