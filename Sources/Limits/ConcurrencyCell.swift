// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Requests under way, in one atomic word: how many began (low half) and how many ended (high half), both modulo 2^32.
///
/// The two counts, rather than their difference, let a refund bound how many requests were open before its own.
struct ConcurrencyCell: ~Copyable {
    private let word: Atomic<UInt64>

    /// No request under way, `count` begun and ended before.
    init(after count: UInt32 = 0) {
        word = Atomic(UInt64(count) << 32 | UInt64(count))
    }

    var inFlight: UInt32 {
        let word = word.load(ordering: .relaxed)
        return UInt32(truncatingIfNeeded: word) &- UInt32(truncatingIfNeeded: word >> 32)
    }

    /// Requests that ever began.
    var begun: UInt32 { UInt32(truncatingIfNeeded: word.load(ordering: .relaxed)) }

    /// Begins a request unless `limit` are under way; gives the number of requests that ended before, or nil.
    borrowing func take(limit: UInt32) -> UInt32? {
        var current = word.load(ordering: .relaxed)
        while true {
            let begun = UInt32(truncatingIfNeeded: current)
            let ended = UInt32(truncatingIfNeeded: current >> 32)
            guard begun &- ended < limit else { return nil }
            let (exchanged, original) = word.weakCompareExchange(
                expected: current,
                desired: UInt64(ended) << 32 | UInt64(begun &+ 1),
                ordering: .acquiringAndReleasing
            )
            if exchanged { return ended }
            current = original
        }
    }

    borrowing func giveBack() {
        word.wrappingAdd(1 << 32, ordering: .acquiringAndReleasing)
    }
}
