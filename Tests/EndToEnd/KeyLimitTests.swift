// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

/// The limits of one API key, within its tenant's.
@Suite(.gateway())
struct KeyLimitTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    private func limit(_ tenant: TestTenant, _ limits: JSON) throws {
        try gateway.admin("PUT", "/keys/\(tenant.keyID)/limits", limits)
    }

    @Test("A key's quota refuses it and its tokens while its tenant has more and its other keys go on")
    func quota() throws {
        let tenant = try gateway.makeTenant(dailyQuota: 10)
        let other = try gateway.issueKey(tenant: tenant.id)
        let token = try gateway.token(tenant)
        try limit(tenant, ["daily_quota": 2])
        let first = try gateway.predict(token)
        #expect(first.status == 200)
        #expect(first.header("RateLimit-Policy") == "\"daily\";q=10;w=86400, \"key-daily\";q=2;w=86400")
        #expect(first.header("X-RateLimit-Limit") == "2" && first.header("X-RateLimit-Remaining") == "1")
        #expect(try gateway.predict(tenant.key).status == 200)
        let refused = try [tenant.key, token].map { try gateway.predict($0) }
        for answer in refused {
            let document = try expectRefusal(answer, 429, "quota_exceeded", of: gateway)
            #expect(document["violated-policies"] == ["key-daily"])
            #expect(answer.text.contains("daily quota of this API key (2 requests)"))
            let retry = try #require(answer.header("Retry-After").flatMap { Int($0) })
            let limits = try #require(answer.header("RateLimit"))
            let state = try #require(limits.firstMatch(of: /"key-daily";r=0;t=([0-9]+)/), "\(limits)")
            #expect(Int(state.1).map { retry >= $0 } == true && limits.contains("\"daily\";r=8;"), "\(limits)")
            let record = try gateway.record(of: answer)
            #expect(record["charge"] == nil && record["detail"] == "the key's own limits: key-daily")
            #expect(record["limits"]?.array?.map { $0["policy"]?.string } == ["daily", "key-daily"])
        }
        #expect(
            try gateway.metric(
                "tollgate_tenant_limited_total",
                "tenant=\"\(tenant.id)\"",
                "reason=\"quota_exceeded\"",
                "limits_of=\"key\""
            ) == 2
        )
        let last = try gateway.predict(other)
        #expect(last.status == 200 && last.header("RateLimit")?.contains("\"daily\";r=7;") == true)
        let words = try gateway.command(["explain", try #require(refused[0].requestID)]).output
        for part in ["quota of the plan or of the key", "key-daily (the daily quota of the key's own): 0 of 2 left"] {
            #expect(words.contains(part), "'\(part)' is missing in:\n\(words)")
        }
    }

    @Test("A key's concurrency refuses a second request under way, and is given back at its end")
    func concurrency() throws {
        let tenant = try gateway.makeTenant()
        let other = try gateway.issueKey(tenant: tenant.id)
        try limit(tenant, ["concurrency": 1])
        let body = Digit.body()
        for _ in 0..<2 {
            let connection = try gateway.rawTLS()
            connection.send(
                "POST /predict HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(tenant.key)\r\n"
                    + "Expect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
            )
            #expect(try connection.answer().status == 100)
            let refused = try gateway.predict(tenant.key)
            let document = try expectRefusal(refused, 429, "concurrency_exceeded", of: gateway)
            #expect(document["violated-policies"] == ["key-concurrency"])
            #expect(refused.text.contains("This API key has 1 requests under way"))
            #expect(refused.header("Retry-After") == "1")
            #expect(try gateway.record(of: refused)["detail"] == "the key's own limits: key-concurrency")
            #expect(try gateway.predict(other).status == 200)
            connection.send(body)
            #expect(try connection.answer().status == 200)
        }
        #expect(try gateway.predict(tenant.key).status == 200)
    }

    @Test("Sixteen clients at once get exactly what a key's quota holds, and take as much of its tenant's")
    func exactness() throws {
        let tenant = try gateway.makeTenant(dailyQuota: 1000)
        try limit(tenant, ["daily_quota": 50])
        let gateway = gateway
        let statuses = try concurrently(16) { _ in
            let client = try gateway.tenants()
            return try (0..<10).map { _ in
                try client.send("POST", "/predict", credential: tenant.key, body: Digit.body()).status
            }
        }.flatMap(\.self)
        #expect(statuses.count { $0 == 200 } == 50 && statuses.count { $0 == 429 } == 110)
        let other = try gateway.predict(try gateway.issueKey(tenant: tenant.id))
        #expect(other.header("RateLimit")?.contains("\"daily\";r=949;") == true)
    }

    @Test(
        "What a key has used of its quota and rate survives a restart and a crash",
        arguments: GatewayProcess.Way.allCases
    )
    func restart(way: GatewayProcess.Way) throws {
        try awayFromMidnight()
        try withGateway { gateway in
            let metered = try gateway.makeTenant(dailyQuota: 100)
            let rated = try gateway.makeTenant()
            let other = try gateway.issueKey(tenant: metered.id)
            let token = try gateway.token(metered)
            try gateway.admin("PUT", "/keys/\(metered.keyID)/limits", ["daily_quota": 3])
            try gateway.admin(
                "PUT",
                "/keys/\(rated.keyID)/limits",
                ["rate": ["requests": 3, "seconds": 86_400, "burst": 3]]
            )
            for _ in 0..<2 {
                #expect(try gateway.predict(metered.key).status == 200)
                #expect(try gateway.predict(rated.key).status == 200)
            }
            for round in 0..<2 {
                try gateway.restart(way)
                for (credential, code) in [(token, "quota_exceeded"), (rated.key, "rate_exceeded")] {
                    if round == 0 {
                        let last = try gateway.predict(credential)
                        #expect(last.status == 200 && last.header("X-RateLimit-Remaining") == "0")
                    }
                    try expectRefusal(try gateway.predict(credential), 429, code, of: gateway)
                }
                #expect(try gateway.predict(other).status == 200)
            }
            let left = try gateway.predict(other).header("RateLimit")
            #expect(left?.contains("\"daily\";r=94;") == true, "\(left ?? "none")")
        }
    }

    @Test("The limits of a key are shown, set anew, tried, guarded by their revision, and recorded")
    func administration() throws {
        let tenant = try gateway.makeTenant()
        let path = "/keys/\(tenant.keyID)/limits"
        let none: JSON = [
            "key": .string(tenant.keyID), "rate": .null, "daily_quota": .null, "concurrency": .null, "revision": 1,
        ]
        #expect(try gateway.admin("GET", path) == none)
        let rate: JSON = ["requests": 5, "seconds": 1, "burst": 7]
        let tried = try gateway.admin("PUT", "\(path)?dry_run=true", ["daily_quota": 9])
        #expect(tried["before"]?["daily_quota"] == .null && tried["after"]?["daily_quota"] == 9)
        #expect(try gateway.admin("GET", path) == none)

        let set = try gateway.call("PUT", path, ["rate": rate, "daily_quota": 9, "concurrency": 2])
        #expect(try set.json["rate"] == rate && set.json["daily_quota"] == 9 && set.json["concurrency"] == 2)
        let change = try gateway.record(of: set)["change"]
        #expect(change?["before"]?["concurrency"] == .null && change?["after"]?["concurrency"] == 2)
        let shown = try gateway.admin("GET", "/keys/\(tenant.keyID)")
        #expect(shown["rate"] == rate && shown["daily_quota"] == 9 && shown["concurrency"] == 2)

        let etag = try #require(set.header("ETag"))
        let stale = try gateway.call("PUT", path, [:], headers: [("If-Match", "\"1\"")])
        try expectRefusal(stale, 412, "precondition_failed", of: gateway)
        let next = try gateway.call("PUT", path, ["concurrency": 3], headers: [("If-Match", etag)])
        #expect(try next.json["rate"] == .null && next.json["daily_quota"] == .null && next.json["concurrency"] == 3)
        let patched = try gateway.admin("PATCH", "/keys/\(tenant.keyID)", ["daily_quota": 4])
        #expect(patched["daily_quota"] == 4 && patched["concurrency"] == 3)

        for (body, words) in [
            (["models": ["digits"]] as JSON, "PATCH"), (["daily_quota": 0], "daily_quota"),
            (["concurrency": "unlimited"], "concurrency"), (["rate": 5], "rate"),
        ] {
            let refused = try gateway.call("PUT", path, body)
            try expectRefusal(refused, 400, "field_invalid", of: gateway)
            #expect(refused.text.contains(words))
        }
    }

    @Test("Limits that were taken away and given again begin anew; a changed limit keeps what was used")
    func anew() throws {
        let tenant = try gateway.makeTenant()
        try limit(tenant, ["daily_quota": 1])
        #expect(try gateway.predict(tenant.key).status == 200)
        #expect(try gateway.predict(tenant.key).status == 429)
        try limit(tenant, ["daily_quota": 2])
        #expect(try gateway.predict(tenant.key).header("X-RateLimit-Remaining") == "0")
        #expect(try gateway.predict(tenant.key).status == 429)
        try limit(tenant, [:])
        let free = try gateway.predict(tenant.key)
        #expect(free.status == 200 && free.header("RateLimit-Policy") == nil)
        try limit(tenant, ["daily_quota": 2])
        #expect(try gateway.predict(tenant.key).header("X-RateLimit-Remaining") == "1")
    }

    @Test("From the command line: issued with limits, shown, set, tried and taken away")
    func command() throws {
        let tenant = try gateway.makeTenant()
        func json(_ arguments: String...) throws -> JSON {
            let result = try gateway.command(arguments + ["-o", "json"])
            #expect(result.end == .exited(0), "\(arguments): \(result.errors)")
            return try JSON.parse(result.output.split(separator: "\n").joined())
        }
        let issued = try json("key", "issue", "--tenant", tenant.id, "--daily-quota", "5", "--concurrency", "2")
        let id = try #require(issued["id"]?.string)
        #expect(issued["daily_quota"] == 5 && issued["concurrency"] == 2 && issued["rate"] == .null)
        #expect(try json("key", "limits", id)["daily_quota"] == 5)
        let tried = try json("key", "limits", id, "--requests", "5", "--burst", "20", "--dry-run")
        #expect(tried["after"]?["rate"] == ["requests": 5, "seconds": 1, "burst": 20])
        #expect(tried["after"]?["daily_quota"] == .null)
        #expect(try json("key", "update", id, "--no-daily-quota", "--requests", "9")["concurrency"] == 2)
        #expect(try json("key", "limits", id)["daily_quota"] == .null)
        let cleared = try json("key", "limits", id, "--reset")
        #expect(cleared["rate"] == .null && cleared["concurrency"] == .null)
    }
}
