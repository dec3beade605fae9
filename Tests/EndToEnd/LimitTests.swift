// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

@Suite(.gateway())
struct LimitTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    /// Checks a 429 and what it says of the policy that is in the way.
    private func expectLimited(_ answer: Answer, _ code: String, policy: String) throws {
        let document = try expectRefusal(answer, 429, code, of: gateway)
        #expect(document["type"]?.string == "https://iana.org/assignments/http-problem-types#quota-exceeded")
        #expect(document["violated-policies"] == [.string(policy)])
        let retry = try #require(answer.header("Retry-After").flatMap { Int($0) })
        #expect(retry >= 1)
        let limits = try #require(answer.header("RateLimit"))
        let state = try #require(limits.firstMatch(of: /"([a-z]+)";r=([0-9]+);t=([0-9]+)/))
        #expect(state.1 == policy && state.2 == "0", "\(limits)")
        #expect(Int(state.3).map { retry >= $0 } == true, "Retry-After \(retry) comes before t in \(limits)")
        #expect(answer.header("X-RateLimit-Remaining") == "0")
        #expect(try gateway.record(of: answer)["charge"] == nil)
    }

    @Test("Over the rate: 429, with when to come again, exactly after the burst")
    func rate() throws {
        let tenant = try gateway.makeTenant(rate: 3)
        let remaining = try (0..<3).map { _ in
            let answer = try gateway.predict(tenant.key)
            #expect(answer.status == 200)
            return answer.header("X-RateLimit-Remaining")
        }
        #expect(remaining == ["2", "1", "0"])
        for _ in 0..<2 { try expectLimited(try gateway.predict(tenant.key), "rate_exceeded", policy: "burst") }
    }

    @Test("Over the quota: 429, until the day ends")
    func quota() throws {
        let tenant = try gateway.makeTenant(dailyQuota: 2)
        for remaining in ["1", "0"] {
            let answer = try gateway.predict(tenant.key)
            #expect(answer.status == 200)
            #expect(answer.header("X-RateLimit-Remaining") == remaining)
            #expect(answer.header("RateLimit-Policy") == "\"daily\";q=2;w=86400")
        }
        for _ in 0..<2 { try expectLimited(try gateway.predict(tenant.key), "quota_exceeded", policy: "daily") }
    }

    @Test("Sixteen clients at once get exactly what the quota holds")
    func exactness() throws {
        let tenant = try gateway.makeTenant(dailyQuota: 100)
        let gateway = gateway
        let statuses = try concurrently(16) { _ in
            let client = try gateway.tenants()
            return try (0..<10).map { _ in
                try client.send("POST", "/predict", credential: tenant.key, body: Digit.body()).status
            }
        }.flatMap(\.self)
        #expect(statuses.count { $0 == 200 } == 100)
        #expect(statuses.count { $0 == 429 } == 60)
        #expect(try gateway.records("tenant=\(tenant.id)&status=200&page_size=1000").count == 100)
    }

    @Test("One tenant's limit is not another's")
    func separate() throws {
        let plan = "plan-\(TestRun.next())"
        try gateway.admin("PUT", "/plans/\(plan)", ["daily_quota": 1])
        let first = try gateway.makeTenant(plan: plan)
        let second = try gateway.makeTenant(plan: plan)
        #expect(try gateway.predict(first.key).status == 200)
        #expect(try gateway.predict(first.key).status == 429)
        #expect(try gateway.predict(second.key).status == 200)
    }

    @Test("Requests without a valid credential take nothing from anybody")
    func strangers() throws {
        let tenant = try gateway.makeTenant(dailyQuota: 1)
        for _ in 0..<3 { #expect(try gateway.predict("\(tenant.key.dropLast(3))000").status == 401) }
        #expect(try gateway.predict(tenant.key).status == 200)
    }
}
