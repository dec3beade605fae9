// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Limits

@Suite struct AdmissionTests {
    @Test func `requests under way are limited until they end`() throws {
        let account = account(concurrency: 2)
        let passed = account.drain(now: morning)
        #expect(passed.count == 2)
        let refusal = try #require(account.admit(now: morning).refusal)
        #expect(refusal.code == .concurrencyExceeded)
        #expect(refusal.retryAfterSeconds == 1)
        #expect(refusal.violatedPolicies == ["concurrency"])
        passed[0].settle()
        #expect(account.drain(now: morning).count == 1)
    }

    @Test func `a refusal by one limit costs nothing of the others`() {
        let account = account(rate: .init(requests: 1, seconds: 1, burst: 5), daily: 100, concurrency: 1)
        let first = account.admit(now: morning).admission
        for _ in 0..<50 { #expect(account.admit(now: morning).refusal?.code == .concurrencyExceeded) }
        #expect(account.state(now: morning).rate?.remaining == 4)
        #expect(account.state(now: morning).quota?.remaining == 99)
        first?.settle()
        #expect(account.admit(now: morning).admission != nil)
    }

    @Test func `a refusal names every limit in the way and waits for the longest`() throws {
        let account = account(rate: .init(requests: 1, seconds: 60, burst: 1), daily: 1, concurrency: 1)
        #expect(account.admit(now: morning).admission != nil)
        let refusal = try #require(account.admit(now: morning).refusal)
        #expect(refusal.violatedPolicies == ["burst", "daily", "concurrency"])
        #expect(refusal.code == .quotaExceeded)
        #expect(refusal.retryAfterSeconds == 18 * 3600)
    }

    @Test func `a plan without limits admits all and reports none`() {
        let admission = account().admit(now: morning).admission
        #expect(admission?.state == LimitState())
        #expect(admission?.state.tightest == nil)
    }

    @Test func `the state says what the plan grants and what is left`() throws {
        let account = account(rate: .init(requests: 100, seconds: 60, burst: 20), daily: 1000)
        let state = try #require(account.admit(now: morning).admission?.state)
        #expect(state.rate?.name == "burst")
        #expect(state.rate?.limit == 100)
        #expect(state.rate?.windowSeconds == 60)
        #expect(state.rate?.remaining == 19)
        #expect(state.rate?.resetSeconds == 1)
        #expect(state.quota?.name == "daily")
        #expect(state.quota?.limit == 1000)
        #expect(state.quota?.windowSeconds == 86_400)
        #expect(state.quota?.remaining == 999)
        #expect(state.quota?.resetSeconds == 64_800)
        #expect(state.tightest?.name == "burst")
    }

    @Test func `the count of requests under way survives four billion requests`() {
        let cell = ConcurrencyCell(after: .max - 1)
        for _ in 0..<3 { #expect(cell.take(limit: 3) != nil) }
        #expect(cell.take(limit: 3) == nil)
        #expect(cell.inFlight == 3)
        for left in [2, 1, 0] as [UInt32] {
            cell.giveBack()
            #expect(cell.inFlight == left)
        }
    }

    // MARK: - Many threads

    @Test(arguments: [
        (plan(rate: .init(requests: 1, seconds: 60, burst: 50)), 50),
        (plan(daily: 50), 50),
        (plan(concurrency: 50), 50),
        (plan(rate: .init(requests: 1, seconds: 60, burst: 50), daily: 52, concurrency: 54), 50),
        (plan(rate: .init(requests: 1, seconds: 60, burst: 52), daily: 50, concurrency: 51), 50),
        (plan(rate: .init(requests: 1, seconds: 60, burst: 51), daily: 52, concurrency: 50), 50),
    ])
    func `of many requests at one instant exactly the tightest limit passes`(plan: Plan, limit: Int) {
        for _ in 0..<50 {
            let account = TenantAccount(plan)
            let passed = Counter()
            onThreads(8) { _ in passed.add(account.drain(now: morning, most: 100).count) }
            #expect(passed.value == limit)
            #expect(account.inFlight == limit)
            #expect(account.snapshot(of: .tenant(TenantID("t1")!)).quotaUsed == Int64(limit))
        }
    }

    @Test func `threads that meet at the last places blame only a limit that is truly reached`() {
        let codes = Counter()
        for _ in 0..<200 {
            let account = account(rate: .init(requests: 1, seconds: 60, burst: 20), daily: 22, concurrency: 24)
            onThreads(4) { _ in
                for _ in 0..<40 {
                    if let refusal = account.admit(now: morning).refusal, refusal.code != .rateExceeded { codes.add(1) }
                }
            }
        }
        #expect(codes.value == 0)
    }

    @Test func `admissions, refunds and settlements of many threads conserve the counts`() {
        let account = account(rate: .init(requests: 1, seconds: 3600, burst: 5000), daily: 6000, concurrency: 40)
        let kept = Counter()
        onThreads(8) { index in
            var random = SeededGenerator(seed: UInt64(100 + index))
            for _ in 0..<5000 {
                guard let admission = account.admit(now: morning).admission else { continue }
                if Int.random(in: 0..<10, using: &random) < 9 {
                    admission.refund(now: morning)
                } else {
                    admission.settle()
                    kept.add(1)
                }
            }
        }
        #expect(account.inFlight == 0)
        #expect(kept.value > 100)
        #expect(account.state(now: morning).quota?.remaining == Int64(6000 - kept.value))
        // A refund may give back less than it could have where threads meet, never more.
        #expect(account.state(now: morning).rate!.remaining <= Int64(5000 - kept.value))
        let left = account.drain(now: morning, most: 40).count
        #expect(kept.value + left <= 5000)
    }

    @Test func `a plan that changes under load is obeyed from the next decision on`() {
        let table = LimitTable()
        let tenant = TenantID("t1")!
        table.assign(plan(daily: 1_000_000), to: tenant)
        let account = table.account(for: tenant)!
        onThreads(3) { index in
            for round in 0..<2000 {
                if index == 0 {
                    table.assign(plan(daily: round.isMultiple(of: 2) ? 900_000 : 1_000_000), to: tenant)
                } else {
                    account.admit(now: morning).admission?.settle()
                }
            }
        }
        table.assign(plan(daily: 4000), to: tenant)
        #expect(account.drain(now: morning).isEmpty)
        #expect(account.plan.dailyQuota == 4000)
    }
}
