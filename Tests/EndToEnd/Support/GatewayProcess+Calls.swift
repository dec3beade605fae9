// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore

/// A tenant made for one test.
struct TestTenant: Sendable {
    let id: String
    let key: String

    /// Behind `tg_live_`.
    var keyID: String { String(key.dropFirst(8).prefix(8)) }
    /// What only the key's holder may ever have.
    var secret: String { String(key.dropFirst(17)) }
}

extension GatewayProcess {
    // MARK: - Administration

    /// Calls the management API as admin.
    ///
    /// - Throws: when it refuses.
    @discardableResult
    func admin(_ method: String, _ path: String, _ body: JSON? = nil) throws -> JSON {
        let answer = try management().send(
            method,
            "/admin/v1\(path)",
            credential: adminKey,
            body: body?.serialized()
        )
        guard (200...299).contains(answer.status) else {
            throw HarnessError("\(method) \(path): \(answer.status) \(answer.text)")
        }
        return try answer.json
    }

    /// A tenant of a new name with one key.
    func makeTenant(plan: String = "unlimited", scopes: String? = nil, models: [String]? = nil) throws -> TestTenant {
        let id = "tenant-\(TestRun.next())"
        try admin("POST", "/tenants", ["id": .string(id), "plan": .string(plan)])
        return TestTenant(id: id, key: try issueKey(tenant: id, scopes: scopes, models: models))
    }

    /// A tenant on a plan of its own.
    ///
    /// - Parameter rate: that many requests in a day, all of them at once.
    func makeTenant(rate: Int64? = nil, dailyQuota: Int64? = nil) throws -> TestTenant {
        let plan = "plan-\(TestRun.next())"
        try admin(
            "PUT",
            "/plans/\(plan)",
            [
                "rate": rate.map { ["requests": .integer($0), "seconds": 86_400, "burst": .integer($0)] } ?? .null,
                "daily_quota": dailyQuota.map(JSON.integer) ?? .null,
            ]
        )
        return try makeTenant(plan: plan)
    }

    func issueKey(
        tenant: String? = nil,
        role: String = "tenant",
        scopes: String? = nil,
        models: [String]? = nil
    ) throws -> String {
        let issued = try admin(
            "POST",
            "/keys",
            [
                "tenant": tenant.map(JSON.string) ?? .null, "role": .string(role),
                "scopes": scopes.map(JSON.string) ?? .null,
                "models": models.map { .array($0.map(JSON.string)) } ?? .null,
            ]
        )
        guard let key = issued["key"]?.string else { throw HarnessError("no key in \(issued)") }
        return key
    }

    /// Calls the management API with any key and any fields.
    func call(
        _ method: String,
        _ path: String,
        _ body: JSON? = nil,
        key: String? = nil,
        headers: [(name: String, value: String)] = []
    ) throws -> Answer {
        try management().send(
            method,
            "/admin/v1\(path)",
            credential: key ?? adminKey,
            headers: headers,
            body: body?.serialized()
        )
    }

    func revoke(_ keyID: String) throws { try admin("DELETE", "/keys/\(keyID)") }

    func set(_ tenant: String, disabled: Bool) throws {
        try admin("PATCH", "/tenants/\(tenant)", ["disabled": .bool(disabled)])
    }

    // MARK: - Tenants

    /// An access token for a key, by HTTP Basic.
    func token(_ tenant: TestTenant) throws -> String {
        let answer = try tenants().send(
            "POST",
            "/oauth/token",
            headers: [basic(tenant.keyID, tenant.key), form],
            body: "grant_type=client_credentials"
        )
        guard let token = try answer.json["access_token"]?.string else {
            throw HarnessError("no token: \(answer.text)")
        }
        return token
    }

    /// A prediction for one held-out digit on a connection of its own.
    func predict(_ credential: String, _ digit: Int = 0) throws -> Answer {
        try tenants().send("POST", "/predict", credential: credential, body: Digit.body(digit))
    }

    // MARK: - Audit

    /// The records that fit a query of the audit search, newest first: `{"index": …, "record": …}` each.
    func records(_ query: String) throws -> [JSON] {
        let answer = try management().send("GET", "/admin/v1/audit/records?\(query)", credential: auditorKey)
        guard answer.status == 200 else { throw HarnessError("audit search: \(answer.status) \(answer.text)") }
        return try answer.json["records"]?.array ?? []
    }

    /// The only record of a request.
    func record(of answer: Answer) throws -> JSON {
        let found = try records("request_id=\(answer.requestID ?? "none")")
        guard found.count == 1, let record = found[0]["record"] else {
            throw HarnessError("\(found.count) records for the request of \(answer.headers): \(found)")
        }
        return record
    }

    /// Every record of the log by its index.
    func allRecords() throws -> [Int64: JSON] {
        var all: [Int64: JSON] = [:]
        var before = ""
        while true {
            let page = try records("page_size=1000\(before)")
            for entry in page {
                if let index = entry["index"]?.integer { all[index] = entry["record"] }
            }
            guard let last = page.last?["index"]?.integer, last > 0 else { return all }
            before = "&before=\(last)"
        }
    }
}

/// `Authorization: Basic`.
func basic(_ id: String, _ secret: String) -> (name: String, value: String) {
    ("Authorization", "Basic \(Data("\(id):\(secret)".utf8).base64EncodedString())")
}

let form = (name: "Content-Type", value: "application/x-www-form-urlencoded")
