// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Limits

/// The limit of one key within its tenant's: one decision takes from both or from neither.
@Suite struct KeyLimitTests {
    private let now = UnixTime(seconds: 1_800_000_000)

    private func key(_ requests: Int64, burst: Int64) -> KeyAccount {
        KeyAccounts().account(ofKey: "k", rate: RequestRate(requests: requests, seconds: 60, burst: burst))
    }

    @Test func `a key's limit refuses while its tenant has room, and takes nothing of the tenant's`() throws {
        let tenant = account(rate: .init(requests: 100, seconds: 60, burst: 100), daily: 50)
        let key = key(2, burst: 2)
        for _ in 0..<2 { #expect(tenant.admit(now: now, key: key).admission != nil) }
        let refusal = try #require(tenant.admit(now: now, key: key).refusal)
        #expect(refusal.isOfKey && refusal.code == .rateExceeded && refusal.violatedPolicies == ["key"])
        #expect(refusal.retryAfterSeconds == 30)
        #expect(refusal.state.key?.remaining == 0)
        #expect(refusal.state.rate?.remaining == 98 && refusal.state.quota?.remaining == 48)
        #expect(tenant.admit(now: now, key: nil).admission?.state.quota?.remaining == 47)
        #expect(tenant.inFlight == 3)
    }

    @Test func `a tenant's limit refuses while the key has room, and takes nothing of the key's`() throws {
        let tenant = account(daily: 1)
        let key = key(10, burst: 10)
        #expect(tenant.admit(now: now, key: key).admission?.state.key?.remaining == 9)
        for _ in 0..<5 {
            let refusal = try #require(tenant.admit(now: now, key: key).refusal)
            #expect(!refusal.isOfKey && refusal.code == .quotaExceeded && refusal.violatedPolicies == ["daily"])
            #expect(refusal.state.key?.remaining == 9)
        }
    }

    @Test func `a refund gives both back`() throws {
        let tenant = account(rate: .init(requests: 4, seconds: 60, burst: 4), daily: 4, concurrency: 1)
        let key = key(3, burst: 3)
        for _ in 0..<50 {
            let admission = try #require(tenant.admit(now: now, key: key).admission)
            #expect(admission.state.key?.remaining == 2 && admission.state.quota?.remaining == 3)
            #expect(admission.state.tightest?.name == "key")
            admission.refund(now: now)
        }
        try #require(tenant.admit(now: now, key: key).admission).settle()
        #expect(tenant.inFlight == 0)
        #expect(tenant.admit(now: now, key: key).admission?.state.key?.remaining == 1)
    }

    @Test func `a changed rate holds from the next decision on, and what was used stays used`() throws {
        let accounts = KeyAccounts()
        let tenant = account()
        let first = accounts.account(ofKey: "k", rate: RequestRate(requests: 1, seconds: 60, burst: 1))
        #expect(tenant.admit(now: now, key: first).admission != nil)
        let second = accounts.account(ofKey: "k", rate: RequestRate(requests: 1, seconds: 60, burst: 3))
        #expect(first === second && second.rate?.burst == 3)
        let passed = (0..<5).filter { _ in tenant.admit(now: now, key: second).admission != nil }.count
        #expect(passed == 2)
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
