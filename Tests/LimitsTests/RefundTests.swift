// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Limits

@Suite struct RefundTests {
    @Test func `refunds at the moment of admission restore all limits, in any order`() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<300 {
            let account = account(rate: .init(requests: 50, seconds: 7, burst: 30), daily: 1000, concurrency: 100)
            let used = Int.random(in: 0...20, using: &random)
            for admission in account.drain(now: morning, most: used) { admission.settle() }
            let before = account.state(now: morning)
            for admission in account.drain(now: morning, most: 10).shuffled(using: &random) {
                admission.refund(now: morning)
            }
            #expect(account.state(now: morning) == before)
            #expect(account.inFlight == 0)
            #expect(account.drain(now: morning).count == 30 - used)
        }
    }

    @Test func `a lone request refunded later leaves a full bucket`() {
        let account = account(rate: .init(requests: 10, seconds: 1, burst: 3))
        let admission = account.admit(now: morning).admission
        let later = morning + Nanoseconds(30_000_000)
        admission?.refund(now: later)
        #expect(account.drain(now: later).count == 3)
    }

    @Test func `refunds of old requests do not let a crowd through`() {
        let account = account(rate: .init(requests: 1000, seconds: 1, burst: 1))
        var slow: [Admission] = []
        for tick in 0..<100 { slow += account.drain(now: morning + Nanoseconds(Int64(tick) * 1_000_000)) }
        #expect(slow.count == 100)
        let now = morning + Nanoseconds(100 * 1_000_000)
        var passed = 0
        for admission in slow {
            admission.refund(now: now)
            passed += account.drain(now: now).count
        }
        #expect(passed == 1)
    }

    /// Without the refunded requests the others must still be what the rate allows, however refunds and decisions mix.
    @Test func `whatever is refunded, the requests that stay keep to the rate`() throws {
        var random = SeededGenerator(seed: 4)
        for _ in 0..<2000 {
            let rate = Plan.Rate(
                requests: .random(in: 1...20, using: &random),
                seconds: 1,
                burst: .random(in: 1...6, using: &random)
            )
            let account = account(rate: rate)
            let interval = TokenBucket(rate, at: morning).interval
            var now = morning
            var open: [(Int64, Admission)] = []
            var stay: [Int64] = []
            for _ in 0..<60 {
                if Bool.random(using: &random) { now = now + Nanoseconds(.random(in: 0...interval, using: &random)) }
                if let admission = account.admit(now: now).admission { open.append((now.nanoseconds, admission)) }
                while !open.isEmpty, Int.random(in: 0..<5, using: &random) < 2 {
                    let (time, admission) = open.remove(at: .random(in: 0..<open.count, using: &random))
                    if Bool.random(using: &random) {
                        admission.refund(now: now)
                    } else {
                        admission.settle()
                        stay.append(time)
                    }
                }
            }
            stay += open.map(\.0)
            var bucket = TokenBucket(rate, at: morning)
            for time in stay.sorted() {
                let isAllowed = bucket.admits(UnixTime(nanoseconds: time))
                try #require(isAllowed)
            }
        }
    }

    @Test func `a refund after the day has changed leaves the new day's count alone`() {
        let account = account(daily: 3)
        let midnight = UnixTime(nanoseconds: (morning.nanoseconds / day + 1) * day)
        let old = account.admit(now: midnight + -1).admission
        #expect(account.drain(now: midnight).count == 3)
        old?.refund(now: midnight)
        #expect(account.drain(now: midnight).isEmpty)
    }

    @Test func `a refund after the plan has changed gives back quota and place but no rate`() {
        let table = LimitTable()
        let tenant = TenantID("t1")!
        table.assign(plan(rate: .init(requests: 1, seconds: 3600, burst: 1), daily: 9), to: tenant)
        let account = table.account(for: tenant)!
        let admission = account.admit(now: morning).admission
        table.assign(plan(rate: .init(requests: 1, seconds: 60, burst: 1), daily: 9), to: tenant)
        admission?.refund(now: morning)
        #expect(account.state(now: morning).quota?.remaining == 9)
        #expect(account.inFlight == 0)
        #expect(account.admit(now: morning).refusal?.code == .rateExceeded)
    }

    @Test func `a refund after the clock was set back gives no rate back`() {
        let account = account(rate: .init(requests: 1, seconds: 10, burst: 1))
        let admission = account.admit(now: morning).admission
        #expect(account.admit(now: morning + -7200).refusal != nil)
        admission?.refund(now: morning + -7200)
        #expect(account.admit(now: morning + -7200).refusal != nil)
    }
}
