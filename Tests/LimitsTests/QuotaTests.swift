// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Limits

@Suite struct QuotaTests {
    private let midnight = UnixTime(nanoseconds: (morning.nanoseconds / day + 1) * day)

    @Test func `exactly the quota passes on each UTC day`() throws {
        let account = account(daily: 40)
        var random = SeededGenerator(seed: 5)
        var passed: [Int64: Int] = [:]
        var now = morning
        while now < morning + 86_400 * 5 {
            if account.admit(now: now).admission != nil { passed[now.nanoseconds / day, default: 0] += 1 }
            now = now + Nanoseconds(.random(in: 0...600 * second, using: &random))
        }
        #expect(passed.count == 6)
        #expect(passed.values.allSatisfy { $0 == 40 })
    }

    @Test func `the refusal says when the day ends`() throws {
        let account = account(daily: 1)
        #expect(account.admit(now: midnight + -100).admission?.state.quota?.remaining == 0)
        let refusal = try #require(account.admit(now: midnight + -100 + Nanoseconds(1)).refusal)
        #expect(refusal.code == .quotaExceeded)
        #expect(refusal.violatedPolicies == ["daily"])
        #expect(refusal.retryAfterSeconds == 100)
        #expect(refusal.state.quota?.resetSeconds == 100)
        #expect(account.admit(now: midnight).admission != nil)
    }

    @Test func `a clock that flutters around midnight grants each day once`() {
        let account = account(daily: 10)
        var passed = account.drain(now: midnight + -1).count
        #expect(passed == 10)
        for round in 0..<100 { passed += account.drain(now: midnight + (round.isMultiple(of: 2) ? 1 : -1)).count }
        #expect(passed == 20)
    }

    @Test func `a clock that was days ahead does not block the tenant for days`() {
        let account = account(daily: 10)
        #expect(account.drain(now: midnight + 86_400 * 300, most: 4).count == 4)
        #expect(account.drain(now: midnight).count == 6)
        #expect(account.drain(now: midnight + 86_400).count == 10)
        #expect(account.drain(now: midnight + 86_400 * 300).count == 10)
        #expect(account.drain(now: midnight + 86_400 * 2).isEmpty)
        #expect(account.drain(now: midnight + 86_400 * 3).count == 10)
    }

    @Test func `a quota of nothing lets nothing through`() {
        #expect(account(daily: 0).drain(now: morning).isEmpty)
    }

    @Test func `requests without a quota are counted for the day a plan brings one`() {
        let table = LimitTable()
        let tenant = TenantID("t1")!
        table.assign(plan(), to: tenant)
        let account = table.account(for: tenant)!
        #expect(account.drain(now: morning, most: 7).count == 7)
        table.assign(plan(daily: 10), to: tenant)
        #expect(account.drain(now: morning).count == 3)
    }
}
