// SPDX-License-Identifier: Apache-2.0

/// Deadlines of many connections in steps of 100 ms; setting and cancelling one takes the same short time however many
/// there are.
///
/// After Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", scheme 4: one wheel of buckets, each a list that
/// runs through the entries themselves. An entry is a small number that the owner chose. A deadline beyond the wheel's
/// 51 s is given out early; the owner sets it again. Times are nanoseconds of the monotonic clock.
struct TimerWheel: ~Copyable {
    static let tick: Int64 = 100_000_000
    private static let buckets: Int64 = 512
    private static let none: Int32 = -1

    private struct Node {
        var next = TimerWheel.none
        var previous = TimerWheel.none
        /// The tick it is set for; ``Int64/max`` when it is in no bucket.
        var tick = Int64.max
    }

    private let heads: UnsafeMutablePointer<Int32>
    private var nodes: UnsafeMutablePointer<Node>
    private var capacity: Int
    // One bit for each bucket that is not empty.
    private var occupied = SIMD8<UInt64>()
    // Every bucket up to this tick was emptied.
    private var current: Int64
    // The tick of the latest time given to `popDue`: what is set from now on comes later.
    private var seen: Int64
    // No entry is set for an earlier tick.
    private var next = Int64.max

    init(now: Int64) {
        heads = .allocate(capacity: Int(Self.buckets))
        heads.initialize(repeating: Self.none, count: Int(Self.buckets))
        capacity = 64
        nodes = .allocate(capacity: capacity)
        nodes.initialize(repeating: Node(), count: capacity)
        current = now / Self.tick
        seen = current
    }

    deinit {
        heads.deallocate()
        nodes.deallocate()
    }

    /// No entry comes due before this time; ``Int64/max`` when none is set.
    var nextDue: Int64 { next == .max ? .max : next * Self.tick }

    /// When ``popDue(now:)`` will give the entry out; ``Int64/max`` when it is not set.
    func due(_ entry: Int32) -> Int64 {
        guard Int(entry) < capacity, nodes[Int(entry)].tick != .max else { return .max }
        return nodes[Int(entry)].tick * Self.tick
    }

    /// Sets the entry, or sets it anew, to the first step at or after `deadline`.
    mutating func set(_ entry: Int32, deadline: Int64) {
        cancel(entry)
        reserve(entry)
        let wanted = deadline / Self.tick + (deadline % Self.tick > 0 ? 1 : 0)
        let tick = min(max(wanted, seen + 1), current + Self.buckets - 1)
        let bucket = Int(tick % Self.buckets)
        let head = heads[bucket]
        nodes[Int(entry)] = Node(next: head, previous: Self.none, tick: tick)
        if head != Self.none { nodes[Int(head)].previous = entry }
        heads[bucket] = entry
        occupied[bucket >> 6] |= 1 << UInt64(bucket & 63)
        next = min(next, tick)
    }

    /// Takes the entry out; without effect when it is not set.
    mutating func cancel(_ entry: Int32) {
        guard Int(entry) < capacity, nodes[Int(entry)].tick != .max else { return }
        let node = nodes[Int(entry)]
        let bucket = Int(node.tick % Self.buckets)
        if node.previous == Self.none { heads[bucket] = node.next } else { nodes[Int(node.previous)].next = node.next }
        if node.next != Self.none { nodes[Int(node.next)].previous = node.previous }
        if heads[bucket] == Self.none { occupied[bucket >> 6] &= ~(1 << UInt64(bucket & 63)) }
        nodes[Int(entry)].tick = .max
    }

    /// Keeps pace with the time while no entry is set; to be called before one is.
    ///
    /// Nothing else moves an empty wheel on, and a wheel that is more than a turn behind would take every entry for due.
    mutating func keepPace(now: Int64) {
        guard next == .max else { return }
        seen = max(seen, now / Self.tick)
        current = max(current, seen)
    }

    /// Takes out one entry that is due, nil when there is none; to be called until it gives nil.
    mutating func popDue(now: Int64) -> Int32? {
        let target = now / Self.tick
        seen = max(seen, target)
        while next <= target {
            let entry = heads[Int(next % Self.buckets)]
            // What is set from now on comes at least a turn's length behind this step, however late it is.
            current = max(current, next - 1)
            if entry != Self.none {
                cancel(entry)
                return entry
            }
            current = max(current, next)
            next = nextOccupied()
        }
        current = max(current, target)
        return nil
    }

    /// The first tick after `current` whose bucket is not empty.
    private func nextOccupied() -> Int64 {
        let start = current + 1
        var offset: Int64 = 0
        while offset < Self.buckets {
            let bucket = Int((start + offset) % Self.buckets)
            let word = occupied[bucket >> 6] >> UInt64(bucket & 63)
            if word != 0 { return start + offset + Int64(word.trailingZeroBitCount) }
            offset += Int64(64 - bucket & 63)
        }
        return .max
    }

    private mutating func reserve(_ entry: Int32) {
        guard Int(entry) >= capacity else { return }
        let larger = max(2 * capacity, Int(entry) + 1)
        let grown = UnsafeMutablePointer<Node>.allocate(capacity: larger)
        grown.moveInitialize(from: nodes, count: capacity)
        (grown + capacity).initialize(repeating: Node(), count: larger - capacity)
        nodes.deallocate()
        nodes = grown
        capacity = larger
    }
}
