// SPDX-License-Identifier: Apache-2.0

/// When a destination is given a checkpoint: at the ticks of an interval, and after failures at longer and longer
/// distances. A value; times are nanoseconds of a monotonic clock.
///
/// All that have one interval have the same ticks, so that witnesses are asked for the same checkpoints.
struct DeliverySchedule: Equatable, Sendable {
    /// From one tick to the next.
    let interval: Int64
    /// When the next attempt is due.
    private(set) var due: Int64
    /// Attempts that failed since the last success.
    private(set) var failures = 0

    /// The longest distance between two attempts, but for a longer interval.
    static let longestDelay: Int64 = 300_000_000_000

    /// The first attempt is due at once.
    init(interval: Int64, now: Int64) {
        self.interval = interval
        due = now
    }

    /// The number of the tick that a time belongs to.
    func tick(_ now: Int64) -> Int64 { now / interval }

    /// The checkpoint was taken, or there is none to give.
    mutating func succeeded(now: Int64) {
        failures = 0
        due = (tick(now) + 1) * interval
    }

    mutating func failed(now: Int64) {
        failures += 1
        let doubled = interval << Int64(min(failures - 1, 9))
        let delay = max(interval, min(doubled, Self.longestDelay))
        due = (tick(now + delay - 1) + 1) * interval
    }
}
