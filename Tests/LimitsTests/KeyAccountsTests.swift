// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Limits

/// Which keys have an account, and what of it outlives the process.
@Suite struct KeyAccountsTests {
    private let tenant = TenantID("acme")!
    private let limits = KeyLimits(
        rate: RequestRate(requests: 7, seconds: 11, burst: 5),
        dailyQuota: 2000,
        concurrency: 9
    )

    private func table() -> LimitTable {
        let table = LimitTable()
        table.assign(plan(rate: .init(requests: 30, seconds: 7, burst: 9), daily: 5000), to: tenant)
        return table
    }

    @Test func `a snapshot and the replay behind it equal the live state of tenant and keys`() throws {
        var random = SeededGenerator(seed: 16)
        let ids = ["Ab3dEf9h", "Zy8xWv7u"]
        for _ in 0..<30 {
            let live = table()
            var log: [(key: String, time: UnixTime)] = []
            var snapshot: (covered: Int, accounts: [AccountSnapshot]) = (0, [])
            let cut = Int.random(in: 0..<2000, using: &random)
            var now = morning + 60_000
            for step in 0..<2000 {
                now = now + Nanoseconds(.random(in: 0...second, using: &random))
                let id = ids.randomElement(using: &random)!
                let key = live.keys.account(ofKey: id, limits: limits)
                if let admission = live.account(for: tenant)!.admit(now: now, key: key).admission {
                    if Int.random(in: 0..<10, using: &random) == 0 {
                        admission.refund(now: now)
                    } else {
                        admission.settle()
                        log.append((id, now))
                    }
                }
                if step == cut { snapshot = (log.count, live.snapshot()) }
            }
            let recovered = table()
            recovered.restore(snapshot.accounts) { _ in limits }
            for (id, time) in log[snapshot.covered...] {
                recovered.replay(tenant: tenant, requests: 1, at: time)
                recovered.keys.replay(key: id, limits: limits, requests: 1, at: time)
            }
            for id in ids {
                let (a, b) = (
                    live.keys.account(ofKey: id, limits: limits), recovered.keys.account(ofKey: id, limits: limits)
                )
                try #require(a.account.state(now: now) == b.account.state(now: now))
                try #require(a.account.drain(now: now, most: 20).count == b.account.drain(now: now, most: 20).count)
            }
            #expect(live.account(for: tenant)!.state(now: now) == recovered.account(for: tenant)!.state(now: now))
        }
    }

    @Test func `what a key without limits once used is not brought back`() {
        let table = table()
        let state = AccountSnapshot(.key("gone"), theoreticalArrivalNanoseconds: 1, quotaDay: 2, quotaUsed: 3)
        table.restore([state]) { $0 == "gone" ? nil : limits }
        #expect(table.keys.count == 0)
        table.restore([state])
        #expect(table.keys.count == 0 && table.snapshot().map(\.holder) == [.tenant(tenant)])
    }

    @Test func `a forgotten key starts anew, and whoever kept its account hears of it`() {
        let keys = KeyAccounts()
        let first = keys.account(ofKey: "k", limits: KeyLimits(dailyQuota: 1))
        let tenant = account()
        #expect(tenant.admit(now: morning, key: first).admission != nil)
        let generation = keys.generation
        keys.forget(["other"])
        #expect(keys.generation == generation && keys.count == 1)
        keys.forget(["k", "other"])
        #expect(keys.generation > generation && keys.count == 0)
        let second = keys.account(ofKey: "k", limits: KeyLimits(dailyQuota: 1))
        #expect(tenant.admit(now: morning, key: second).admission != nil)
    }

    @Test func `what is not used any more is dropped, and nothing else`() {
        let keys = KeyAccounts()
        let daily = KeyLimits(dailyQuota: 3)
        let slow = KeyLimits(rate: RequestRate(requests: 1, seconds: 86_400, burst: 4))
        keys.replay(key: "daily", limits: daily, requests: 3, at: morning)
        keys.replay(key: "slow", limits: slow, requests: 3, at: morning)
        keys.dropUnused(since: morning + 3600)
        #expect(keys.count == 2)
        keys.dropUnused(since: morning + 86_400)
        #expect(keys.snapshot().map(\.holder) == [.key("slow")])
        keys.dropUnused(since: morning + 86_400 * 3)
        #expect(keys.count == 0)
    }

    @Test func `a key's limits read back as they were written, and what is wrong is none`() throws {
        for known in [limits, KeyLimits(), KeyLimits(concurrency: 1)] {
            #expect(KeyLimits(json: .object(known.json)) == known)
        }
        #expect(KeyLimits(json: .object([]))?.isEmpty == true)
        for text in ["{\"rate\":5}", "{\"daily_quota\":0}", "{\"concurrency\":\"unlimited\"}", "{\"models\":[]}", "3"] {
            #expect(try KeyLimits(json: JSON.parse(text)) == nil)
        }
    }
}
