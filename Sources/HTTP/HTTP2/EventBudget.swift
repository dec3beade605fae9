// SPDX-License-Identifier: Apache-2.0

/// Events that a peer may cause: some at once, then so many a second. Full again after burst / rate seconds.
///
/// The generic cell rate algorithm in its virtual scheduling form (ITU-T I.371, annex A): one word of state.
struct EventBudget {
    private let interval: Int64
    private let tolerance: Int64
    private var due = Int64.min

    /// - Parameters:
    ///   - burst: events at once, at least 1.
    ///   - perSecond: events a second, at least 1.
    init(burst: Int, perSecond: Int) {
        interval = 1_000_000_000 / Int64(max(1, perSecond))
        tolerance = interval * Int64(max(1, burst))
    }

    /// Takes `count` events; false when there are not so many left.
    ///
    /// - Parameter now: monotonic nanoseconds.
    mutating func take(_ count: Int = 1, now: Int64) -> Bool {
        due = max(due, now) &+ interval &* Int64(count)
        return due &- now <= tolerance
    }
}
