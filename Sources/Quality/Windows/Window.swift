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

/// Tallies by time in bounded memory: one for each of the last 60 minutes, and one for each of the last 24 hours.
public struct WindowRing<Content: Tally>: Sendable {
    private struct Slot {
        var number: Int64
        var tally: Content
    }

    private var minutes: [Slot?] = Array(repeating: nil, count: 60)
    private var hours: [Slot?] = Array(repeating: nil, count: 24)
    /// The minute of the last change.
    private(set) var last = Int64.min

    /// An empty ring.
    public init() {}

    /// Changes the tallies of a moment; time that goes back is taken as it is.
    public mutating func update(seconds: Int64, _ change: (inout Content) -> Void) {
        let minute = seconds / 60
        last = max(last, minute)
        Self.update(&minutes, minute, change)
        Self.update(&hours, minute / 60, change)
    }

    private static func update(_ slots: inout [Slot?], _ number: Int64, _ change: (inout Content) -> Void) {
        let place = Int(number % Int64(slots.count))
        // Taken out, so that it is changed in place.
        var slot = slots[place].take() ?? Slot(number: number, tally: Content())
        if slot.number != number { slot = Slot(number: number, tally: Content()) }
        change(&slot.tally)
        slots[place] = slot
    }

    /// The sum over a window that ends now.
    public func sum(_ window: Window, seconds: Int64) -> Content {
        let (slots, now, length): ([Slot?], Int64, Int64) =
            switch window {
            case .fiveMinutes: (minutes, seconds / 60, 5)
            case .hour: (minutes, seconds / 60, 60)
            case .day: (hours, seconds / 3600, 24)
            }
        var sum = Content()
        for case .some(let slot) in slots where slot.number > now - length && slot.number <= now {
            sum.merge(slot.tally)
        }
        return sum
    }
}
