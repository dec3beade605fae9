// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Limits

@Suite struct RateTests {
    @Test func `exactly the burst passes at once, then one for each interval`() {
        let account = account(rate: .init(requests: 100, seconds: 60, burst: 20))
        #expect(account.drain(now: morning).count == 20)
        #expect(account.drain(now: morning + Nanoseconds(599_999_999)).isEmpty)
        #expect(account.drain(now: morning + Nanoseconds(600_000_000)).count == 1)
        #expect(account.drain(now: morning + 3600).count == 20)
    }

    @Test func `a refusal leaves no trace`() {
        let account = account(rate: .init(requests: 1, seconds: 10, burst: 1))
        #expect(account.admit(now: morning).admission != nil)
        for _ in 0..<1000 { #expect(account.admit(now: morning + 9).refusal != nil) }
        #expect(account.admit(now: morning + 10).admission != nil)
    }

    @Test func `every decision, remainder and retry equals an exact token bucket's`() throws {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<200 {
            let rate = Plan.Rate(
                requests: .random(in: 1...1000, using: &random),
                seconds: .random(in: 1...100, using: &random),
                burst: .random(in: 1...50, using: &random)
            )
            let account = account(rate: rate)
            var now = morning
            var bucket = TokenBucket(rate, at: now)
            for _ in 0..<1000 {
                now = now + Nanoseconds(.random(in: 0...bucket.interval * 2, using: &random))
                let outcome = account.admit(now: now)
                let expected = bucket.admits(now)
                try #require((outcome.admission != nil) == expected)
                let state = try #require(outcome.admission?.state.rate ?? outcome.refusal?.state.rate)
                try #require(state.remaining == bucket.level / bucket.interval)
                let missing = state.remaining > 0 ? bucket.capacity - bucket.level : bucket.interval - bucket.level
                try #require(state.resetSeconds == (missing + second - 1) / second)
                if let refusal = outcome.refusal {
                    try #require(refusal.code == .rateExceeded)
                    try #require(Int64(refusal.retryAfterSeconds) == state.resetSeconds)
                    try #require(refusal.retryAfterSeconds >= 1)
                }
                outcome.admission?.settle()
            }
        }
    }

    @Test func `a million decisions admit no request too many over any span`() throws {
        var random = SeededGenerator(seed: 2)
        let rate = Plan.Rate(requests: 7, seconds: 3, burst: 5)
        let account = account(rate: rate)
        var passed: [Int64] = []
        var now = morning
        for _ in 0..<1_000_000 {
            now = now + Nanoseconds(.random(in: 0...40_000_000, using: &random))
            if account.admit(now: now).admission != nil { passed.append(now.nanoseconds) }
        }
        // n requests from one moment to another: (n - burst) intervals fit between, for every pair of moments.
        var earliest = Int64.min
        let interval = (3 * second + 6) / 7
        for (index, time) in passed.enumerated() {
            // time - index * interval never falls more than (burst - 1) intervals below its highest value so far.
            let level = time - Int64(index) * interval
            earliest = max(earliest, level)
            try #require(earliest - level <= 4 * interval)
        }
        #expect(passed.count > 40_000)
    }

    @Test func `waiting as long as told is enough, and a second less is not`() throws {
        let account = account(rate: .init(requests: 1, seconds: 90, burst: 2))
        #expect(account.drain(now: morning).count == 2)
        let later = morning + Nanoseconds(1)
        let refusal = try #require(account.admit(now: later).refusal)
        #expect(refusal.retryAfterSeconds == 90)
        #expect(account.admit(now: later + 89).refusal != nil)
        #expect(account.admit(now: later + 90).admission != nil)
    }

    @Test func `a clock set back grants nothing and blocks for no longer than the burst takes`() {
        let account = account(rate: .init(requests: 10, seconds: 1, burst: 5))
        #expect(account.drain(now: morning).count == 5)
        let back = morning + -3600
        #expect(account.drain(now: back).isEmpty)
        #expect(account.drain(now: back + Nanoseconds(99_999_999)).isEmpty)
        #expect(account.drain(now: back + Nanoseconds(100_000_000)).count == 1)
        #expect(account.drain(now: back + 1).count == 5)
    }

    @Test func `clocks of threads that differ a little do not refill the bucket`() {
        let account = account(rate: .init(requests: 1000, seconds: 1, burst: 10))
        var passed = 0
        for round in 0..<1000 {
            let early = !round.isMultiple(of: 2)
            passed += account.drain(now: early ? morning + Nanoseconds(-500_000_000) : morning).count
        }
        #expect(passed == 10)
    }

    @Test func `a rate that does not divide the second is never exceeded`() {
        let account = account(rate: .init(requests: 3, seconds: 1, burst: 1))
        #expect(account.drain(now: morning).count == 1)
        #expect(account.drain(now: morning + Nanoseconds(333_333_333)).isEmpty)
        #expect(account.drain(now: morning + Nanoseconds(333_333_334)).count == 1)
    }

    @Test func `plans with absurd numbers close the gate rather than open it`() {
        let closed = account(rate: .init(requests: 0, seconds: .max, burst: -5))
        #expect(closed.drain(now: morning).count == 1)
        #expect(closed.drain(now: morning + 86_400 * 365).isEmpty)
        let wide = account(rate: .init(requests: 1, seconds: .max, burst: .max))
        #expect(wide.drain(now: morning, most: 3).count == 1)
    }
}
