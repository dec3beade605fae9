// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Rows of atomic words, one row a shard, each row on cache lines of its own.
///
/// A writer touches only the row of its event loop, so two cores never fight for a line; a reader adds the rows up.
/// `@unchecked Sendable`: the memory is reached only through atomics and freed only by `deinit`.
struct ShardedCells: ~Copyable, @unchecked Sendable {
    private let cells: UnsafeMutablePointer<Atomic<UInt64>>
    private let rowMask: Int
    private let stride: Int

    /// Two lines of 64 bytes, because processors prefetch lines in pairs.
    private static let rowAlignment = 128

    /// - Parameters:
    ///   - shards: Rows wanted; rounded up to a power of two.
    ///   - columns: Words in a row.
    init(shards: Int, columns: Int) {
        precondition(shards > 0 && columns > 0, "a metric needs a shard and a word")
        var rows = 1
        while rows < shards { rows *= 2 }
        let perLine = Self.rowAlignment / MemoryLayout<Atomic<UInt64>>.stride
        rowMask = rows - 1
        stride = (columns + perLine - 1) / perLine * perLine
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: rows * stride * MemoryLayout<Atomic<UInt64>>.stride,
            alignment: Self.rowAlignment
        )
        cells = memory.bindMemory(to: Atomic<UInt64>.self, capacity: rows * stride)
        for i in 0..<rows * stride { (cells + i).initialize(to: Atomic(0)) }
    }

    deinit {
        cells.deinitialize(count: (rowMask + 1) * stride)
        UnsafeMutableRawPointer(cells).deallocate()
    }

    /// Adds to one word. A shard out of range lands in another row: a wiring fault may cost speed, never memory.
    func add(_ amount: UInt64, shard: Int, column: Int = 0) {
        cells[(shard & rowMask) &* stride &+ column].wrappingAdd(amount, ordering: .relaxed)
    }

    /// Adds to one word that holds a Double's bits.
    func add(_ amount: Double, shard: Int, column: Int) {
        let index = (shard & rowMask) &* stride &+ column
        var old = cells[index].load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + amount).bitPattern
            let (exchanged, original) = cells[index].weakCompareExchange(
                expected: old,
                desired: new,
                ordering: .relaxed
            )
            if exchanged { return }
            old = original
        }
    }

    /// One column added up over the shards.
    func sum(column: Int = 0) -> UInt64 {
        var total: UInt64 = 0
        for row in 0...rowMask { total &+= cells[row &* stride &+ column].load(ordering: .relaxed) }
        return total
    }

    /// One column of Doubles added up over the shards.
    func sumOfDoubles(column: Int) -> Double {
        var total = 0.0
        for row in 0...rowMask {
            total += Double(bitPattern: cells[row &* stride &+ column].load(ordering: .relaxed))
        }
        return total
    }
}
