// SPDX-License-Identifier: Apache-2.0

/// How far back is looked.
public enum Window: String, Hashable, Sendable, CaseIterable {
    /// This minute and the four before.
    case fiveMinutes = "5m"
    /// This minute and the 59 before.
    case hour = "1h"
    /// This hour and the 23 before.
    case day = "24h"
}

/// Tallies by time in bounded memory: one for each of the last 60 minutes, and one for each of the last 24 hours, of those
/// in which something came. So a version that has gone takes little for the day that it is remembered.
public struct WindowRing<Content: Tally>: Sendable {
    private struct Slot {
        var number: Int64
        var tally: Content
    }

    private var minutes: [Slot] = []
    private var hours: [Slot] = []
    /// The minute of the last change.
    private(set) var last = Int64.min

    /// An empty ring.
    public init() {}

    /// Changes the tallies of a moment; time that goes back is taken as it is.
    public mutating func update(seconds: Int64, _ change: (inout Content) -> Void) {
        let minute = seconds / 60
        last = max(last, minute)
        Self.update(&minutes, minute, limit: 60, change)
        Self.update(&hours, minute / 60, limit: 24, change)
    }

    private static func update(
        _ slots: inout [Slot],
        _ number: Int64,
        limit: Int,
        _ change: (inout Content) -> Void
    ) {
        guard let place = slots.lastIndex(where: { $0.number == number }) else {
            var slot = Slot(number: number, tally: Content())
            change(&slot.tally)
            // One in the same place of a ring that size is too old, or lies ahead of a time that went back.
            slots.removeAll { ($0.number - number) % Int64(limit) == 0 }
            return slots.append(slot)
        }
        change(&slots[place].tally)
    }

    /// The sum over a window that ends now.
    public func sum(_ window: Window, seconds: Int64) -> Content {
        let (slots, now, length): ([Slot], Int64, Int64) =
            switch window {
            case .fiveMinutes: (minutes, seconds / 60, 5)
            case .hour: (minutes, seconds / 60, 60)
            case .day: (hours, seconds / 3600, 24)
            }
        var sum = Content()
        for slot in slots where slot.number > now - length && slot.number <= now { sum.merge(slot.tally) }
        return sum
    }
}
