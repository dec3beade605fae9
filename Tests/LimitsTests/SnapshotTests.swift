// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Limits
import TestSupport
import Testing

@Suite struct SnapshotTests {
    private let tenants = ["acme", "globex", "initech"].map { TenantID($0)! }
    private let plans = [
        plan(rate: .init(requests: 30, seconds: 7, burst: 9), daily: 5000),
        plan(rate: .init(requests: 2, seconds: 1, burst: 1)),
        plan(daily: 300, concurrency: 3),
    ]

    private func table() -> LimitTable {
        let table = LimitTable()
        for (tenant, plan) in zip(tenants, plans) { table.assign(plan, to: tenant) }
        return table
    }

    @Test func `a snapshot and the replay behind it equal the live state`() throws {
        var random = SeededGenerator(seed: 6)
        for _ in 0..<50 {
            let live = table()
            var log: [(TenantID, UnixTime)] = []
            var snapshot: (covered: Int, accounts: [AccountSnapshot]) = (0, [])
            let cut = Int.random(in: 0..<3000, using: &random)
            var now = morning + 60_000
            for step in 0..<3000 {
                now = now + Nanoseconds(.random(in: 0...second, using: &random))
                let tenant = tenants.randomElement(using: &random)!
                if let admission = live.account(for: tenant)!.admit(now: now).admission {
                    if Int.random(in: 0..<10, using: &random) == 0 {
                        admission.refund(now: now)
                    } else {
                        admission.settle()
                        log.append((tenant, now))
                    }
                }
                if step == cut { snapshot = (log.count, live.snapshot()) }
            }
            let recovered = table()
            recovered.restore(snapshot.accounts)
            for (tenant, time) in log[snapshot.covered...] { recovered.replay(tenant: tenant, requests: 1, at: time) }
            for tenant in tenants {
                let (a, b) = (live.account(for: tenant)!, recovered.account(for: tenant)!)
                try #require(a.state(now: now) == b.state(now: now))
                try #require(a.drain(now: now, most: 20).count == b.drain(now: now, most: 20).count)
            }
        }
    }

    @Test func `records replayed out of order never charge less`() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<200 {
            let (ordered, shuffled) = (table(), table())
            let times = (0..<40).map { _ in morning + Nanoseconds(.random(in: 0...20 * second, using: &random)) }
            for time in times.sorted() { ordered.replay(tenant: tenants[0], requests: 1, at: time) }
            for time in times { shuffled.replay(tenant: tenants[0], requests: 1, at: time) }
            let now = morning + 20
            let (a, b) = (ordered.account(for: tenants[0])!, shuffled.account(for: tenants[0])!)
            #expect(b.state(now: now).rate!.remaining <= a.state(now: now).rate!.remaining)
            #expect(b.state(now: now).quota == a.state(now: now).quota)
        }
    }

    @Test func `several requests in one record charge as many`() {
        let table = table()
        table.replay(tenant: tenants[0], requests: 6, at: morning)
        #expect(table.account(for: tenants[0])!.drain(now: morning).count == 3)
        table.replay(tenant: tenants[0], requests: .max, at: morning)
        #expect(table.account(for: tenants[0])!.state(now: morning).quota?.remaining == 0)
    }

    @Test func `a state restored before its tenant has a plan waits for it`() {
        let table = LimitTable()
        let state = AccountSnapshot(
            .tenant(tenants[2]),
            theoreticalArrivalNanoseconds: 0,
            quotaDay: morning.nanoseconds / day,
            quotaUsed: 298
        )
        table.restore([state])
        #expect(table.account(for: tenants[2]) == nil)
        #expect(table.snapshot() == [state])
        table.assign(plans[2], to: tenants[2])
        #expect(table.account(for: tenants[2])!.drain(now: morning).count == 2)
    }

    @Test func `what a tenant used stays used when its plan changes`() {
        let table = table()
        let account = table.account(for: tenants[0])!
        #expect(account.drain(now: morning).count == 9)
        table.assign(plan(rate: .init(requests: 30, seconds: 7, burst: 12), daily: 5000), to: tenants[0])
        #expect(table.account(for: tenants[0]) === account)
        #expect(account.drain(now: morning).count == 3)
    }

    @Test func `restored states with impossible numbers neither trap nor open the gate`() {
        let table = table()
        table.restore([
            AccountSnapshot(
                .tenant(tenants[0]),
                theoreticalArrivalNanoseconds: .max,
                quotaDay: .max,
                quotaUsed: .max
            )
        ])
        let account = table.account(for: tenants[0])!
        #expect(account.admit(now: morning).refusal != nil)
        #expect(account.admit(now: morning + 86_400 * 2).admission != nil)
    }
}
