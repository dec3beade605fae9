// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A hash table with chains, whose entries also form SIEVE's queue; links are indices, none is -1.
struct SieveTable {
    struct Entry {
        var token: [UInt8]
        var hash: UInt64
        /// nil in a free place.
        var principal: Principal?
        var generation: UInt64
        var wasVisited = false
        /// The next entry of the same bucket.
        var chained: Int32
        var newer: Int32
        var older: Int32
    }

    private var entries: [Entry] = []
    private var free: [Int32] = []
    private var buckets = [Int32](repeating: -1, count: 64)
    private var newest: Int32 = -1
    private var oldest: Int32 = -1
    private var hand: Int32 = -1
    private let seed = SeededHash()
    private(set) var count = 0

    /// The entry at an index that ``find(_:)`` gave.
    subscript(index: Int32) -> Entry {
        // Lent, not copied: a copy counts two references up and down.
        _read { yield entries[Int(index)] }
        _modify { yield &entries[Int(index)] }
    }

    func find(_ token: UnsafeRawBufferPointer) -> Int32? {
        let hash = seed.hash(token)
        var index = buckets[bucket(of: hash)]
        while index >= 0, !(self[index].hash == hash && Self.equal(self[index].token, token)) {
            index = self[index].chained
        }
        return index >= 0 ? index : nil
    }

    /// Adds a token that is not there yet, as the newest.
    mutating func insert(_ token: UnsafeRawBufferPointer, principal: Principal, generation: UInt64) {
        if count == buckets.count { grow() }
        let hash = seed.hash(token)
        let entry = Entry(
            token: Array(token),
            hash: hash,
            principal: principal,
            generation: generation,
            chained: buckets[bucket(of: hash)],
            newer: -1,
            older: newest
        )
        let index: Int32
        if let reused = free.popLast() {
            index = reused
            entries[Int(index)] = entry
        } else {
            index = Int32(entries.count)
            entries.append(entry)
        }
        buckets[bucket(of: hash)] = index
        if newest >= 0 { self[newest].newer = index } else { oldest = index }
        newest = index
        count += 1
    }

    /// Removes the first entry from the hand on that was not visited since the hand last passed it.
    mutating func evict() {
        guard count > 0 else { return }
        var index = hand >= 0 ? hand : oldest
        while self[index].wasVisited {
            self[index].wasVisited = false
            index = self[index].newer >= 0 ? self[index].newer : oldest
        }
        hand = index
        remove(index)
    }

    mutating func remove(_ index: Int32) {
        let entry = self[index]
        if hand == index { hand = entry.newer }
        if entry.newer >= 0 { self[entry.newer].older = entry.older } else { newest = entry.older }
        if entry.older >= 0 { self[entry.older].newer = entry.newer } else { oldest = entry.newer }
        unchain(index, from: bucket(of: entry.hash), next: entry.chained)
        self[index].principal = nil
        self[index].token = []
        free.append(index)
        count -= 1
    }

    private mutating func unchain(_ index: Int32, from bucket: Int, next: Int32) {
        guard buckets[bucket] != index else {
            buckets[bucket] = next
            return
        }
        var previous = buckets[bucket]
        while self[previous].chained != index { previous = self[previous].chained }
        self[previous].chained = next
    }

    private mutating func grow() {
        buckets = [Int32](repeating: -1, count: buckets.count * 2)
        for index in entries.indices {
            guard entries[index].principal != nil else { continue }
            let bucket = bucket(of: entries[index].hash)
            entries[index].chained = buckets[bucket]
            buckets[bucket] = Int32(index)
        }
    }

    private func bucket(of hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & (buckets.count - 1) }

    private static func equal(_ a: borrowing [UInt8], _ b: UnsafeRawBufferPointer) -> Bool {
        guard a.count == b.count, let start = b.baseAddress else { return a.count == b.count }
        return memcmp(a, start, b.count) == 0
    }
}
