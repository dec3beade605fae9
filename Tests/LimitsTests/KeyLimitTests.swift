// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Limits

/// The limits of one key within its tenant's: one decision takes from both or from neither.
@Suite struct KeyLimitTests {
    private let now = UnixTime(seconds: 1_800_000_000)

    private func key(_ requests: Int64, burst: Int64) -> KeyAccount {
        key(KeyLimits(rate: RequestRate(requests: requests, seconds: 60, burst: burst)))
    }

    private func key(_ limits: KeyLimits) -> KeyAccount { KeyAccounts().account(ofKey: "k", limits: limits) }

    @Test func `a key's limit refuses while its tenant has room, and takes nothing of the tenant's`() throws {
        let tenant = account(rate: .init(requests: 100, seconds: 60, burst: 100), daily: 50)
        let key = key(2, burst: 2)
        for _ in 0..<2 { #expect(tenant.admit(now: now, key: key).admission != nil) }
        let refusal = try #require(tenant.admit(now: now, key: key).refusal)
        #expect(refusal.isOfKey && refusal.code == .rateExceeded && refusal.violatedPolicies == ["key"])
        #expect(refusal.retryAfterSeconds == 30)
        #expect(refusal.state.keyRate?.remaining == 0)
        #expect(refusal.state.rate?.remaining == 98 && refusal.state.quota?.remaining == 48)
        #expect(tenant.admit(now: now, key: nil).admission?.state.quota?.remaining == 47)
        #expect(tenant.inFlight == 3)
    }

    @Test func `a tenant's limit refuses while the key has room, and takes nothing of the key's`() throws {
        let tenant = account(daily: 1)
        let key = key(10, burst: 10)
        #expect(tenant.admit(now: now, key: key).admission?.state.keyRate?.remaining == 9)
        for _ in 0..<5 {
            let refusal = try #require(tenant.admit(now: now, key: key).refusal)
            #expect(!refusal.isOfKey && refusal.code == .quotaExceeded && refusal.violatedPolicies == ["daily"])
            #expect(refusal.state.keyRate?.remaining == 9)
        }
    }

    @Test func `a refund gives both back`() throws {
        let tenant = account(rate: .init(requests: 4, seconds: 60, burst: 4), daily: 4, concurrency: 1)
        let key = key(3, burst: 3)
        for _ in 0..<50 {
            let admission = try #require(tenant.admit(now: now, key: key).admission)
            #expect(admission.state.keyRate?.remaining == 2 && admission.state.quota?.remaining == 3)
            #expect(admission.state.tightest?.name == "key")
            admission.refund(now: now)
        }
        try #require(tenant.admit(now: now, key: key).admission).settle()
        #expect(tenant.inFlight == 0)
        #expect(tenant.admit(now: now, key: key).admission?.state.keyRate?.remaining == 1)
    }

    @Test func `a changed rate holds from the next decision on, and what was used stays used`() throws {
        let accounts = KeyAccounts()
        let tenant = account()
        let first = accounts.account(
            ofKey: "k",
            limits: KeyLimits(rate: RequestRate(requests: 1, seconds: 60, burst: 1))
        )
        #expect(tenant.admit(now: now, key: first).admission != nil)
        let second = accounts.account(
            ofKey: "k",
            limits: KeyLimits(rate: RequestRate(requests: 1, seconds: 60, burst: 3))
        )
        #expect(first === second && second.limits.rate?.burst == 3)
        let passed = (0..<5).filter { _ in tenant.admit(now: now, key: second).admission != nil }.count
        #expect(passed == 2)
    }

    @Test func `a key's quota ends with the day, whatever its tenant has left`() throws {
        let midnight = UnixTime(nanoseconds: (now.nanoseconds / day + 1) * day)
        let tenant = account(daily: 100)
        let key = key(KeyLimits(dailyQuota: 2))
        for left: Int64 in [1, 0] {
            let state = try #require(tenant.admit(now: midnight + -100, key: key).admission?.state)
            #expect(state.keyQuota?.remaining == left && state.tightest?.name == "key-daily")
        }
        let refusal = try #require(tenant.admit(now: midnight + -100, key: key).refusal)
        #expect(refusal.isOfKey && refusal.code == .quotaExceeded && refusal.violatedPolicies == ["key-daily"])
        #expect(refusal.retryAfterSeconds == 100 && refusal.state.keyQuota?.resetSeconds == 100)
        #expect(refusal.state.quota?.remaining == 98)
        #expect(tenant.admit(now: midnight + -1, key: nil).admission != nil)
        #expect(tenant.admit(now: midnight, key: key).admission?.state.keyQuota?.remaining == 1)
    }

    @Test func `a key's place under way is free again once its request is settled or refunded`() throws {
        let tenant = account(concurrency: 5)
        let key = key(KeyLimits(concurrency: 1))
        for round in 0..<20 {
            let admission = try #require(tenant.admit(now: now, key: key).admission)
            let refusal = try #require(tenant.admit(now: now, key: key).refusal)
            #expect(refusal.isOfKey && refusal.code == .concurrencyExceeded)
            #expect(refusal.violatedPolicies == ["key-concurrency"] && refusal.retryAfterSeconds == 1)
            #expect(tenant.inFlight == 1 && key.inFlight == 1)
            tenant.admit(now: now, key: nil).admission?.settle()
            if round.isMultiple(of: 2) { admission.settle() } else { admission.refund(now: now) }
            #expect(tenant.inFlight == 0 && key.inFlight == 0)
        }
    }

    @Test func `threads take from a key and its tenant both or from neither, refunds and ends included`() {
        let tenant = account(rate: .init(requests: 1, seconds: 3600, burst: 900), daily: 1000, concurrency: 5)
        let limits = KeyLimits(
            rate: RequestRate(requests: 1, seconds: 3600, burst: 350),
            dailyQuota: 400,
            concurrency: 2
        )
        let keys = (0..<3).map { _ in key(limits) }
        let kept = keys.map { _ in Counter() }
        let (refusedByKey, refusedByTenant) = (Counter(), Counter())
        let now = now
        onThreads(6) { index in
            var random = SeededGenerator(seed: UInt64(300 + index))
            var open: [(Admission, Int)] = []
            for _ in 0..<4000 {
                let place = Int.random(in: 0..<keys.count, using: &random)
                switch tenant.admit(now: now, key: keys[place]) {
                case .admitted(let admission): open.append((admission, place))
                case .refused(let limit): (limit.isOfKey ? refusedByKey : refusedByTenant).add(1)
                }
                guard open.count > 1 || Bool.random(using: &random), let (admission, place) = open.popLast() else {
                    continue
                }
                if Int.random(in: 0..<10, using: &random) < 7 {
                    admission.refund(now: now)
                } else {
                    admission.settle()
                    kept[place].add(1)
                }
            }
            for (admission, place) in open {
                admission.settle()
                kept[place].add(1)
            }
        }
        #expect(refusedByKey.value > 0 && refusedByTenant.value > 0)
        #expect(tenant.inFlight == 0 && keys.allSatisfy { $0.inFlight == 0 })
        let all = kept.reduce(0) { $0 + $1.value }
        #expect(all > 100)
        #expect(tenant.state(now: now).quota?.remaining == Int64(1000 - all))
        for (key, kept) in zip(keys, kept) {
            let state = key.account.state(now: now)
            #expect(state.quota?.remaining == Int64(400 - kept.value))
            // A refund may give back less than it could have where threads meet, never more.
            #expect(state.rate!.remaining <= Int64(350 - kept.value))
        }
    }

    @Test func `threads together never get more of either limit than it has`() async {
        let tenant = account(daily: 300)
        let keys = (0..<4).map { _ in key(100, burst: 100) }
        let passed = await withTaskGroup(of: [Int].self) { group in
            for _ in 0..<4 {
                group.addTask {
                    keys.map { key in (0..<100).filter { _ in tenant.admit(now: now, key: key).admission != nil }.count
                    }
                }
            }
            return await group.reduce(into: [0, 0, 0, 0]) { sums, part in
                for place in 0..<4 { sums[place] += part[place] }
            }
        }
        #expect(passed.allSatisfy { $0 <= 100 })
        #expect(passed.reduce(0, +) == 300)
    }

    @Test func `a tenant's own limits stand over its plan's, one by one`() {
        let base = plan(rate: .init(requests: 1, seconds: 1, burst: 1), daily: 5, concurrency: 2)
        #expect(base.overridden(by: nil) == base && base.overridden(by: LimitOverrides()) == base)
        let own = base.overridden(
            by: LimitOverrides(dailyQuota: .unlimited, concurrency: .limited(9), models: .only([]))
        )
        #expect(own.rate == base.rate && own.dailyQuota == nil && own.concurrency == 9 && own.models == .only([]))
        #expect(own.name == base.name)
    }

    @Test func `overrides read back as they were written, and what is wrong is named`() throws {
        let all = LimitOverrides(
            rate: .limited(RequestRate(requests: 1, seconds: 2, burst: 3)),
            dailyQuota: .unlimited,
            concurrency: .limited(4),
            models: .all
        )
        #expect(try LimitOverrides(json: JSON.parse(all.json.serialized())) == all)
        #expect(try LimitOverrides(json: .object([])).isEmpty)
        for (text, member) in [
            ("{\"rate\":5}", "rate"), ("{\"daily_quota\":0}", "daily_quota"),
            ("{\"concurrency\":\"none\"}", "concurrency"),
            ("{\"models\":[\"/\"]}", "models"), ("{\"rate\":{\"requests\":1,\"seconds\":1}}", "rate"),
        ] {
            let fault = #expect(throws: LimitOverrides.Fault.self) { try LimitOverrides(json: JSON.parse(text)) }
            #expect(fault?.member == member)
        }
    }
}
