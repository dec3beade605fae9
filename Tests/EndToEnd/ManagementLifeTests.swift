// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// The lives of tenants and keys over the management API: change, rotation, restriction, revocation, end.
@Suite(.gateway())
struct ManagementLifeTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    // MARK: - Preconditions

    @Test(
        "A change of what was changed meanwhile is refused with 412, and does nothing",
        arguments: ["tenant", "key", "plan"]
    )
    func ifMatch(kind: String) throws {
        let tenant = try gateway.makeTenant()
        let plan = "plan-\(TestRun.next())"
        try gateway.admin("PUT", "/plans/\(plan)", [:])
        let (path, method, body): (String, String, JSON) =
            switch kind {
            case "tenant": ("/tenants/\(tenant.id)", "PATCH", ["display_name": "A"])
            case "key": ("/keys/\(tenant.keyID)", "PATCH", ["name": "A"])
            default: ("/plans/\(plan)", "PUT", ["daily_quota": 5])
            }
        let first = try gateway.call("GET", path)
        let tag = try #require(first.header("ETag"))
        #expect(tag == "\"1\"")
        let changed = try gateway.call(method, path, body, headers: [("If-Match", tag)])
        #expect(changed.status == 200 && changed.header("ETag") == "\"2\"", "\(changed.text)")
        for stale in [tag, "W/\"2\"", "\"9\"", "2", "\"1\", \"3\""] {
            let answer = try gateway.call(method, path, body, headers: [("If-Match", stale)])
            try expectRefusal(answer, 412, "precondition_failed", of: gateway)
        }
        try expectRefusal(
            try gateway.call("DELETE", path, headers: [("If-Match", tag)]),
            412,
            "precondition_failed",
            of: gateway
        )
        #expect(try gateway.call("GET", path).header("ETag") == "\"2\"")
        #expect(try gateway.call(method, path, body, headers: [("If-Match", "\"7\", \"2\"")]).status == 200)
        #expect(try gateway.call(method, path, body, headers: [("If-Match", "*")]).status == 200)
    }

    @Test("A plan is only made, or only changed, where the caller says so")
    func ifNoneMatch() throws {
        let path = "/plans/plan-\(TestRun.next())"
        try expectRefusal(
            try gateway.call("PUT", path, [:], headers: [("If-Match", "*")]),
            412,
            "precondition_failed",
            of: gateway
        )
        #expect(try gateway.call("PUT", path, [:], headers: [("If-None-Match", "*")]).status == 201)
        try expectRefusal(
            try gateway.call("PUT", path, [:], headers: [("If-None-Match", "*")]),
            412,
            "precondition_failed",
            of: gateway
        )
    }

    // MARK: - Idempotency

    @Test("A creating call that is sent again makes nothing new and is answered as the first time; another is refused")
    func idempotency() throws {
        let tenant = try gateway.makeTenant()
        let key = [(name: "Idempotency-Key", value: "\"\(UUID().uuidString)\"")]
        let body: JSON = ["tenant": .string(tenant.id), "name": "once"]
        let first = try gateway.call("POST", "/keys", body, headers: key)
        let again = try gateway.call("POST", "/keys", body, headers: key)
        #expect(first.status == 201 && again.status == 201)
        #expect(again.body == first.body)
        #expect(again.header("Location") == first.header("Location") && again.header("ETag") == first.header("ETag"))
        #expect(first.header("Idempotent-Replayed") == nil && again.header("Idempotent-Replayed") == "true")
        #expect(try gateway.admin("GET", "/keys?tenant=\(tenant.id)")["keys"]?.array?.count == 2)
        #expect(try gateway.record(of: again)["change"] == nil, "nothing was changed")
        var other = body
        other = ["tenant": .string(tenant.id), "name": "twice"]
        try expectRefusal(
            try gateway.call("POST", "/keys", other, headers: key),
            422,
            "idempotency_key_reused",
            of: gateway
        )
        try expectRefusal(
            try gateway.call("POST", "/tenants", ["id": "idempotent-x"], headers: key),
            422,
            "idempotency_key_reused",
            of: gateway
        )
        // Another caller's keys are other keys.
        let admin = try gateway.issueKey(role: "admin")
        #expect(try gateway.call("POST", "/keys", other, key: admin, headers: key).status == 201)
        for bad in ["", "\"\"", "a b", "\"a\"b\"", String(repeating: "x", count: 256)] where !bad.isEmpty {
            let answer = try gateway.call("POST", "/keys", body, headers: [("Idempotency-Key", bad)])
            try expectRefusal(answer, 400, "field_invalid", of: gateway)
        }
    }

    @Test("After a restart a call that is sent again still makes nothing new, and the key's text is nowhere")
    func idempotencyAfterRestart() throws {
        try withGateway { gateway in
            let tenant = try gateway.makeTenant()
            let header = [(name: "Idempotency-Key", value: "restart-1")]
            let body: JSON = ["tenant": .string(tenant.id)]
            let first = try gateway.call("POST", "/keys", body, headers: header)
            let text = try #require(try first.json["key"]?.string)
            let rotateHeader = [(name: "Idempotency-Key", value: "restart-2")]
            let rotated = try gateway.call("POST", "/keys/\(tenant.keyID)/rotate", [:], headers: rotateHeader)
            #expect(rotated.status == 200)
            let made = try gateway.call(
                "POST",
                "/tenants",
                ["id": "twice"],
                headers: [("Idempotency-Key", "restart-3")]
            )
            try gateway.restart(.kill)
            let again = try gateway.call("POST", "/keys", body, headers: header)
            #expect(again.status == 201)
            #expect(try again.json["key"] == .null)
            #expect(try again.json["id"] == first.json["id"])
            let rotatedAgain = try gateway.call("POST", "/keys/\(tenant.keyID)/rotate", [:], headers: rotateHeader)
            #expect(try rotatedAgain.json["key"] == .null)
            #expect(try rotatedAgain.json["revision"] == 2)
            let madeAgain = try gateway.call(
                "POST",
                "/tenants",
                ["id": "twice"],
                headers: [("Idempotency-Key", "restart-3")]
            )
            #expect(madeAgain.body == made.body && madeAgain.status == 201)
            #expect(try gateway.admin("GET", "/keys?tenant=\(tenant.id)")["keys"]?.array?.count == 2)
            let secret = Data(text.dropFirst(17).utf8)
            for file in try FileManager.default.subpathsOfDirectory(atPath: gateway.state) {
                guard let bytes = FileManager.default.contents(atPath: "\(gateway.state)/\(file)") else { continue }
                #expect(bytes.range(of: secret) == nil, "the secret is in \(file)")
            }
        }
    }

    // MARK: - Lists

    @Test("A list is read page by page, each object once, while others are added")
    func paging() throws {
        let prefix = "page-\(TestRun.next())"
        let ids = (10..<21).map { "\(prefix)-\($0)" }
        for id in ids { try gateway.admin("POST", "/tenants", ["id": .string(id)]) }
        var seen: [String] = []
        var token: String?
        repeat {
            let query = "name=\(prefix)-&page_size=4" + (token.map { "&page_token=\($0)" } ?? "")
            let page = try gateway.admin("GET", "/tenants?\(query)")
            let found = (page["tenants"]?.array ?? []).compactMap { $0["id"]?.string }
            #expect(found.count <= 4)
            seen += found
            token = page["next_page_token"]?.string
            try gateway.admin("POST", "/tenants", ["id": .string("\(prefix)-0\(seen.count)")])
        } while token != nil
        #expect(seen == ids)
        for query in [
            "page_size=0", "page_size=1001", "page_size=x", "page_token=x", "page_token=W10", "state=odd", "x=1",
        ] {
            try expectRefusal(try gateway.call("GET", "/tenants?\(query)"), 400, "field_invalid", of: gateway)
            try expectRefusal(try gateway.call("GET", "/keys?\(query)"), 400, "field_invalid", of: gateway)
        }
        try gateway.set(ids[3], disabled: true)
        let suspended = try gateway.admin("GET", "/tenants?name=\(prefix)-&state=suspended")
        #expect(suspended["tenants"]?.array?.compactMap { $0["id"]?.string } == [ids[3]])
        #expect(suspended["next_page_token"] == nil)
    }

    // MARK: - Rotation

    @Test("A rotated key keeps its id; both secrets count through the overlap, then the new one alone")
    func rotation() throws {
        let tenant = try gateway.makeTenant()
        let client = try gateway.tenants()
        func ask(_ key: String) throws -> Answer {
            try client.send("POST", "/predict", credential: key, body: Digit.body(0))
        }
        #expect(try ask(tenant.key).status == 200)
        let rotated = try gateway.call("POST", "/keys/\(tenant.keyID)/rotate", ["overlap_seconds": 3600])
        let new = try #require(try rotated.json["key"]?.string)
        #expect(try rotated.json["id"]?.string == tenant.keyID && new != tenant.key)
        #expect(new.hasPrefix("tg_live_\(tenant.keyID)_"))
        #expect(try rotated.json["previous_secret_ends_at"]?.string != nil)
        #expect(try ask(tenant.key).status == 200 && ask(new).status == 200)
        let third = try gateway.call("POST", "/keys/\(tenant.keyID)/rotate", [:])
        try expectRefusal(third, 409, "conflict", of: gateway)
        // A leak: everything before ends at once, on connections that are open.
        let leaked = try gateway.call("POST", "/keys/\(tenant.keyID)/rotate", ["overlap_seconds": 0])
        let last = try #require(try leaked.json["key"]?.string)
        try expectRefusal(try ask(tenant.key), 401, "key_invalid", of: gateway)
        try expectRefusal(try ask(new), 401, "key_invalid", of: gateway)
        #expect(try ask(last).status == 200)
        let record = try gateway.record(of: leaked)
        #expect(record["action"]?.string == "key.rotate" && record["target"]?.string == "key/\(tenant.keyID)")
        #expect(!record.serialized().contains(String(last.dropFirst(17))))
    }

    @Test("The old secret ends when its overlap does, also where it was used just before")
    func overlapEnds() throws {
        let tenant = try gateway.makeTenant()
        let client = try gateway.tenants()
        let rotated = try gateway.admin("POST", "/keys/\(tenant.keyID)/rotate", ["overlap_seconds": 1])
        let new = try #require(rotated["key"]?.string)
        _ = try eventually("the end of the old secret") {
            let answer = try client.send("POST", "/predict", credential: tenant.key, body: Digit.body(0))
            if answer.status == 200 { return nil as Bool? }
            try expectRefusal(answer, 401, "key_expired", of: gateway)
            return true
        }
        #expect(try gateway.predict(new).status == 200)
        #expect(try gateway.admin("GET", "/keys/\(tenant.keyID)")["previous_secret_ends_at"] == .null)
    }

    // MARK: - Restrictions

    @Test("A key counts from its networks alone: by itself, by a token made before, and for a new token")
    func networks() throws {
        let tenant = try gateway.makeTenant()
        let token = try gateway.token(tenant)
        let client = try gateway.tenants()
        func ask(_ credential: String) throws -> Answer {
            try client.send("POST", "/predict", credential: credential, body: Digit.body(0))
        }
        #expect(try ask(token).status == 200 && ask(tenant.key).status == 200)
        try gateway.admin("PATCH", "/keys/\(tenant.keyID)", ["networks": ["203.0.113.0/24", "2001:db8::/32"]])
        for credential in [token, tenant.key, token] {
            try expectRefusal(try ask(credential), 403, "address_forbidden", of: gateway)
        }
        let refused = try gateway.tenants().send(
            "POST",
            "/oauth/token",
            headers: [basic(tenant.keyID, tenant.key), form],
            body: "grant_type=client_credentials"
        )
        try expectOAuthError(refused, 400, "unauthorized_client", code: "address_forbidden", of: gateway)
        try gateway.admin("PATCH", "/keys/\(tenant.keyID)", ["networks": ["127.0.0.0/8", "::1"]])
        #expect(try ask(token).status == 200 && ask(tenant.key).status == 200)
        try gateway.admin("PATCH", "/keys/\(tenant.keyID)", ["networks": .null])
        #expect(try ask(token).status == 200)
        for bad: JSON in [[], ["127.0.0.1/8"], ["here"], "127.0.0.1", [1]] {
            let answer = try gateway.call("PATCH", "/keys/\(tenant.keyID)", ["networks": bad])
            try expectRefusal(answer, 400, "field_invalid", of: gateway)
        }
    }

    @Test("A key's name, scopes, models and end are changed, and hold for tokens made before")
    func change() throws {
        let tenant = try gateway.makeTenant()
        let token = try gateway.token(tenant)
        #expect(try gateway.predict(token).status == 200)
        let path = "/keys/\(tenant.keyID)"
        try gateway.admin("PATCH", path, ["models": ["digits-onnx"], "name": "renamed"])
        try expectRefusal(try gateway.predict(token), 404, "model_not_found", of: gateway)
        try gateway.admin("PATCH", path, ["models": .null, "scopes": "models:read"])
        try expectRefusal(try gateway.predict(token), 403, "scope_missing", of: gateway)
        try gateway.admin("PATCH", path, ["scopes": "predict models:read", "expires_at": "2001-01-01"])
        try expectRefusal(try gateway.predict(token), 401, "key_expired", of: gateway)
        let answer = try gateway.call("PATCH", path, ["expires_at": .null])
        #expect(try gateway.predict(token).status == 200)
        let shown = try answer.json
        #expect(shown["name"] == "renamed" && shown["expires_at"] == .null && shown["state"] == "active")
        let record = try gateway.record(of: answer)
        #expect(record["change"]?["before"]?["expires_at"]?.string?.hasPrefix("2001-01-01") == true)
        try gateway.revoke(tenant.keyID)
        try expectRefusal(try gateway.call("PATCH", path, [:]), 409, "conflict", of: gateway)
        try expectRefusal(try gateway.call("POST", "\(path)/rotate", [:]), 409, "conflict", of: gateway)
    }

    @Test("When a key was last used is seen at once, by its tokens too, and outlives the process")
    func lastUsed() throws {
        try withGateway { gateway in
            let tenant = try gateway.makeTenant()
            let path = "/keys/\(tenant.keyID)"
            #expect(try gateway.admin("GET", path)["last_used_at"] == .null)
            #expect(try gateway.predict(tenant.key).status == 200)
            let first = try gateway.admin("GET", path)["last_used_at"]?.string
            #expect(first != nil)
            try gateway.restart()
            #expect(try gateway.admin("GET", path)["last_used_at"]?.string == first)
            let listed = try gateway.admin("GET", "/keys?tenant=\(tenant.id)")["keys"]?.array?.first
            #expect(listed?["last_used_at"]?.string == first && listed?["revision"] == 1)
        }
    }
}
