// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Requests of one UTC day, in one atomic word: the day since 1970-01-01 (high 24 bits) and the count (low 40).
struct QuotaCell: ~Copyable {
    static let largestQuota: Int64 = 1 << 40 - 1
    static let nanosecondsPerDay: Int64 = 86_400_000_000_000

    private let word = Atomic<UInt64>(0)

    struct Use {
        var day: Int64
        var count: Int64

        init(day: Int64, count: Int64) {
            self.day = day
            self.count = count
        }

        init(word: UInt64) {
            day = Int64(word >> 40)
            count = Int64(word & UInt64(QuotaCell.largestQuota))
        }

        var word: UInt64 { UInt64(day) << 40 | UInt64(count) }

        /// The use as the day of `now` sees it.
        ///
        /// A clock that went back over midnight charges on against tomorrow, which has begun already, so that no day is
        /// granted twice. A day further ahead came from a clock that was wrong: its count moves to today.
        func seen(at now: Int64) -> Use {
            let today = max(0, now / QuotaCell.nanosecondsPerDay)
            if day == today || day == today + 1 { return self }
            return Use(day: today, count: day > today ? count : 0)
        }
    }

    /// The use at `now`. A count that moves from a day ahead to today is written back, so that it ends with today even
    /// when nothing is taken.
    borrowing func use(at now: Int64) -> Use {
        let current = word.load(ordering: .relaxed)
        let stored = Use(word: current)
        let use = stored.seen(at: now)
        if use.day < stored.day {
            _ = word.compareExchange(expected: current, desired: use.word, ordering: .acquiringAndReleasing)
        }
        return use
    }

    /// The word as it stands, for a snapshot.
    var stored: Use { Use(word: word.load(ordering: .relaxed)) }

    borrowing func restore(_ use: Use) {
        let day = min(max(use.day, 0), 1 << 24 - 1)
        word.store(
            Use(day: day, count: min(max(use.count, 0), Self.largestQuota)).word,
            ordering: .releasing
        )
    }

    /// Counts one request unless `limit` are counted already; gives the use after it, or nil.
    borrowing func take(limit: Int64, now: Int64) -> Use? {
        var current = word.load(ordering: .relaxed)
        while true {
            var use = Use(word: current).seen(at: now)
            guard use.count < limit else { return nil }
            use.count += 1
            let (exchanged, original) = word.weakCompareExchange(
                expected: current,
                desired: use.word,
                ordering: .acquiringAndReleasing
            )
            if exchanged { return use }
            current = original
        }
    }

    /// Counts requests that were admitted at `now`, without a limit.
    borrowing func replay(_ requests: Int64, at now: Int64) {
        var current = word.load(ordering: .relaxed)
        while true {
            var use = Use(word: current).seen(at: now)
            use.count = min(use.count &+ min(requests, Self.largestQuota), Self.largestQuota)
            let (exchanged, original) = word.weakCompareExchange(
                expected: current,
                desired: use.word,
                ordering: .acquiringAndReleasing
            )
            if exchanged { return }
            current = original
        }
    }

    /// Takes one request off the count of `day`; when that day is over there is nothing to give back.
    borrowing func giveBack(day: Int64) {
        var current = word.load(ordering: .relaxed)
        while true {
            var use = Use(word: current)
            guard use.day == day, use.count > 0 else { return }
            use.count -= 1
            let (exchanged, original) = word.weakCompareExchange(
                expected: current,
                desired: use.word,
                ordering: .acquiringAndReleasing
            )
            if exchanged { return }
            current = original
        }
    }
}
