// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Gateway

/// When a destination is given a checkpoint.
@Suite struct DeliveryScheduleTests {
    private static let second: Int64 = 1_000_000_000

    @Test func `after a success the next tick is due, the same for all who have the interval`() {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<500 {
            let interval = Int64.random(in: 1...100, using: &random) * Self.second
            let now = Int64.random(in: 0...1_000_000 * Self.second, using: &random)
            var schedule = DeliverySchedule(interval: interval, now: now)
            #expect(schedule.due == now)
            schedule.succeeded(now: now)
            #expect(schedule.due > now && schedule.due <= now + interval && schedule.due % interval == 0)
            #expect(schedule.tick(schedule.due) == schedule.tick(now) + 1)
        }
    }

    @Test func `failures are followed by longer and longer distances, up to five minutes, until a success`() {
        let interval = Self.second
        var schedule = DeliverySchedule(interval: interval, now: 0)
        var now: Int64 = 0
        var distances: [Int64] = []
        for _ in 0..<14 {
            schedule.failed(now: now)
            distances.append((schedule.due - now) / Self.second)
            now = schedule.due
        }
        #expect(distances == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300, 300])
        schedule.succeeded(now: now)
        #expect(schedule.failures == 0)
        schedule.failed(now: schedule.due)
        #expect(schedule.due - now == 2 * Self.second)
    }

    @Test func `an interval longer than that stays as it is`() {
        let day = 86_400 * Self.second
        var schedule = DeliverySchedule(interval: day, now: 7)
        for _ in 0..<80 { schedule.failed(now: 7) }
        #expect(schedule.due == 2 * day)
    }

    @Test(
        arguments: [
            ("42\n", 42), ("0\n", 0), ("18446744073709551615\n", UInt64.max), ("42", nil), ("\n", nil), ("042\n", nil),
            ("-1\n", nil), ("+1\n", nil), ("4 2\n", nil), ("18446744073709551616\n", nil), ("42\n\n", nil), ("", nil),
        ] as [(String, UInt64?)]
    )
    func `the size in a witness's answer is digits and a line's end`(text: String, size: UInt64?) {
        #expect(WitnessDestination.size(Array(text.utf8)) == size)
    }
}
