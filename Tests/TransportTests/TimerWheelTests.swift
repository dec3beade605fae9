// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Transport

@Suite struct TimerWheelTests {
    static let second: Int64 = 1_000_000_000

    @Test func `an entry comes due at its deadline or up to 100 ms later, and once`() {
        var wheel = TimerWheel(now: 0)
        wheel.set(3, deadline: 250_000_000)
        #expect(wheel.nextDue == 300_000_000)
        #expect(wheel.popDue(now: 249_999_999) == nil)
        #expect(wheel.popDue(now: 300_000_000) == 3)
        #expect(wheel.popDue(now: 9 * Self.second) == nil)
    }

    @Test func `a cancelled entry never comes due`() {
        var wheel = TimerWheel(now: 0)
        for entry in 0..<3 { wheel.set(Int32(entry), deadline: Self.second) }
        wheel.cancel(1)
        var popped: Set<Int32> = []
        while let entry = wheel.popDue(now: 2 * Self.second) { popped.insert(entry) }
        #expect(popped == [0, 2])
        #expect(wheel.nextDue == .max)
    }

    @Test func `a deadline that has passed comes due in the next step, not in the same call for ever`() {
        var wheel = TimerWheel(now: 10 * Self.second)
        wheel.set(0, deadline: 0)
        #expect(wheel.popDue(now: 11 * Self.second) == 0)
        wheel.set(0, deadline: 0)
        #expect(wheel.popDue(now: 11 * Self.second) == nil)
        #expect(wheel.popDue(now: 11 * Self.second + TimerWheel.tick) == 0)
    }

    @Test func `a wheel that was empty for long takes no new entry for due`() {
        var wheel = TimerWheel(now: 0)
        let now = 3600 * Self.second
        wheel.keepPace(now: now)
        wheel.set(0, deadline: now + 10 * Self.second)
        #expect(wheel.popDue(now: now) == nil)
        #expect(wheel.popDue(now: now + 10 * Self.second) == 0)
    }

    @Test func `a wheel that is hours late gives an entry out a bounded number of times`() {
        var wheel = TimerWheel(now: 0)
        wheel.set(0, deadline: Self.second)
        let now = 3600 * Self.second
        var times = 0
        while wheel.popDue(now: now) != nil, times < 1000 {
            times += 1
            wheel.set(0, deadline: now + Self.second)
        }
        #expect(times < 100)
    }

    @Test func `a deadline beyond the wheel comes early and can be set again until it is reached`() {
        var wheel = TimerWheel(now: 0)
        let deadline = 300 * Self.second
        wheel.set(5, deadline: deadline)
        var now: Int64 = 0
        var fired = 0
        while now < deadline {
            now += Self.second
            while let entry = wheel.popDue(now: now) {
                fired += 1
                if now < deadline { wheel.set(entry, deadline: deadline) }
            }
        }
        #expect(fired < 10)
        #expect(wheel.nextDue == .max)
    }

    @Test(arguments: 0..<20)
    func `whatever is set, moved and cancelled comes due as in a plain list`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var wheel = TimerWheel(now: 0)
        var model: [Int32: Int64] = [:]
        var now: Int64 = 0
        for _ in 0..<2000 {
            let entry = Int32.random(in: 0..<200, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1:
                let deadline = now + Int64.random(in: 1...(50 * Self.second), using: &random)
                wheel.set(entry, deadline: deadline)
                model[entry] = deadline
            case 2:
                wheel.cancel(entry)
                model[entry] = nil
            default:
                now += Int64.random(in: 0...(3 * Self.second), using: &random)
                var popped: Set<Int32> = []
                while let entry = wheel.popDue(now: now) { popped.insert(entry) }
                // Due in the model: the deadline's step has been reached.
                let due = model.filter { ($0.value + TimerWheel.tick - 1) / TimerWheel.tick <= now / TimerWheel.tick }
                #expect(popped == Set(due.keys))
                for entry in popped { model[entry] = nil }
            }
        }
    }
}
