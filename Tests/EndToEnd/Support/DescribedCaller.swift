// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// Calls a gateway, and compares each answer with the description that it gives of itself.
struct DescribedCaller {
    private let gateway: GatewayProcess
    private let description: Description
    private let tenant: TestTenant
    private let clients: [String: Client]
    /// Where an answer differs.
    private(set) var faults: [String] = []
    private var called: Set<String> = []

    init(_ gateway: GatewayProcess) throws {
        self.gateway = gateway
        clients = ["tenant": try gateway.tenants(), "management": try gateway.management()]
        description = try Description(yaml: try gateway.tenants().send("GET", "/openapi.yaml").text)
        tenant = try gateway.makeTenant()
    }

    /// The ids of the operations that were never called, each with its listener.
    var uncalled: [String] {
        Set(description.operations.flatMap { operation in operation.listeners.map { "\($0) \(operation.id)" } })
            .subtracting(called).sorted()
    }

    @discardableResult
    private mutating func call(
        _ listener: String,
        _ method: String,
        _ path: String,
        _ expected: Int,
        key: String? = nil,
        _ body: String? = nil,
        headers: [(name: String, value: String)] = []
    ) throws -> Answer {
        let client = try #require(clients[listener])
        let answer = try client.send(method, path, credential: key, headers: headers, body: body)
        let what = "\(listener) \(method) \(path)"
        guard let operation = description.operation(method, path), operation.listeners.contains(listener) else {
            faults.append("\(what) is not described")
            return answer
        }
        called.insert("\(listener) \(operation.id)")
        if answer.status != expected {
            faults.append("\(what): \(answer.status), not \(expected): \(answer.text.prefix(300))")
        }
        faults += description.faults(of: answer, to: operation).map { "\(what): \($0)" }
        return answer
    }

    @discardableResult
    private mutating func tenants(_ method: String, _ path: String, _ expected: Int = 200, _ body: String? = nil) throws
        -> Answer
    {
        try call("tenant", method, path, expected, key: tenant.key, body)
    }

    /// - Returns: the answer's JSON.
    @discardableResult
    private mutating func admin(_ method: String, _ path: String, _ expected: Int = 200, _ body: String? = nil) throws
        -> JSON
    {
        try call("management", method, "/admin/v1\(path)", expected, key: gateway.adminKey, body).json
    }

    // MARK: - Tenants

    mutating func callTenants() throws {
        for listener in ["tenant", "management"] {
            for path in ["/livez", "/readyz", "/openapi.yaml", "/v2/health/live", "/v2/health/ready"] {
                try call(listener, "GET", path, 200)
            }
        }
        let client = [basic(tenant.keyID, tenant.key), form]
        let issued = try call("tenant", "POST", "/oauth/token", 200, "grant_type=client_credentials", headers: client)
        let token = try #require(try issued.json["access_token"]?.string)
        try call("tenant", "POST", "/oauth/introspect", 200, "token=\(token)", headers: client)
        try call("tenant", "POST", "/oauth/revoke", 200, "token=\(token)", headers: client)
        try call("tenant", "POST", "/oauth/introspect", 200, "token=\(token)", headers: client)
        try call("tenant", "GET", "/.well-known/oauth-authorization-server", 200)
        try call("tenant", "GET", "/.well-known/jwks.json", 200)

        let digit = Digit.body()
        try tenants("POST", "/predict", 200, digit)
        try tenants("GET", "/v1/models")
        for model in ["/v1/models/digits", "/v1/models/digits/versions/1", "/v1/models/digits/labels/stable"] {
            let predicted = try tenants("POST", "\(model):predict", 200, digit)
            let id = predicted.requestID ?? ""
            try tenants("POST", "\(model):feedback", 200, "{\"labels\":[{\"request_id\":\"\(id)\",\"label\":7}]}")
            try tenants("GET", "\(model)/quality")
            try tenants("POST", "\(model):classify", 400, digit)
            try tenants("POST", "\(model):regress", 400, digit)
            try tenants("GET", model)
            try tenants("GET", "\(model)/metadata")
        }
        try tenants("POST", "/v1/models/pair:predict", 200, #"{"inputs":{"a":[[1,2]],"b":[[3,4]]}}"#)
        let infer = """
            {"id":"one","inputs":[{"name":"a","datatype":"INT32","shape":[1,2],"data":[1,2]},
            {"name":"b","datatype":"INT32","shape":[1,2],"data":[3,4]}]}
            """
        let binary = infer.replacing("\"id\"", with: "\"parameters\":{\"binary_data_output\":true},\"id\"")
        for model in ["/v2/models/pair", "/v2/models/pair/versions/1"] {
            try tenants("POST", "\(model)/infer", 200, infer)
            try tenants("POST", "\(model)/infer", 200, binary)
        }
        try callModels("tenant", key: tenant.key, changes: 403)
        // Waits until a checkpoint covers it, which is a 503 until then.
        let index = try #require(try call("tenant", "GET", "/v1/models", 200, key: tenant.key).auditIndex)
        try proof("tenant", of: index, key: tenant.key)
    }

    /// The calls of the Open Inference Protocol that both listeners take.
    private mutating func callModels(_ listener: String, key: String, changes: Int) throws {
        try call(listener, "GET", "/v2", 200, key: key)
        try call(listener, "GET", "/v2/models/stats", 200, key: key)
        try call(listener, "POST", "/v2/repository/index", 200, key: key, "{\"ready\":true}")
        for model in ["/v2/models/digits", "/v2/models/digits/versions/1"] {
            for what in ["", "/ready", "/config", "/stats"] { try call(listener, "GET", model + what, 200, key: key) }
        }
        for change in ["unload", "load"] {
            try call(listener, "POST", "/v2/repository/models/twice-int8/\(change)", changes, key: key, "{}")
        }
    }

    private mutating func proof(_ listener: String, of index: Int64, key: String) throws {
        let client = try #require(clients[listener])
        _ = try eventually("a proof of \(index)") {
            try client.send("GET", "/audit/proof?index=\(index)", credential: key).status == 200 ? true : nil
        }
        try call(listener, "GET", "/audit/proof?index=\(index)", 200, key: key)
    }

    // MARK: - Management

    mutating func callManagement() throws {
        let key = gateway.adminKey
        try callModels("management", key: key, changes: 200)
        try call(
            "management",
            "POST",
            "/oauth/introspect",
            200,
            "token=none",
            headers: [basic(String(key.dropFirst(8).prefix(8)), key), form]
        )
        try callObjects()
        try admin("GET", "/models")
        try admin("GET", "/models/digits")
        try admin("GET", "/models/digits/quality")
        try admin("GET", "/models/digits/quality?tenant=described&version=1&window=1h")
        try admin("POST", "/models/twice-int8/load", 200, "{}")
        try admin("POST", "/models/twice-int8/promote", 200, "{\"version\":1}")
        try admin(
            "PUT",
            "/models/twice-int8/canary",
            200,
            "{\"version\":1,\"percent\":10,\"rule\":{\"rollback_worse\":true}}"
        )
        try admin("DELETE", "/models/twice-int8/canary", 200)
        try admin("PUT", "/models/twice-int8/shadow", 409, "{\"version\":1,\"share\":0.1}")
        try admin("DELETE", "/models/twice-int8/shadow", 200)
        try admin("POST", "/models/twice-int8/rollback", 409, "{}")
        try admin("POST", "/models/twice-int8/unload", 200, "{}")
        try admin("POST", "/reload", 200, "{}")
        try admin("GET", "/signing-keys")
        try admin("POST", "/signing-keys", 200, "{\"immediately\":true}")

        try call("management", "GET", "/metrics", 200, key: try gateway.metricsKey())
        let lines = [(name: "Accept", value: "application/x-ndjson")]
        let open = [(name: "Accept", value: "application/openmetrics-text")]
        try call("management", "GET", "/metrics", 200, key: try gateway.metricsKey(), headers: open)
        let auditor = gateway.auditorKey
        try call("management", "GET", "/audit/log/pruned", 404, key: auditor)
        try call("management", "GET", "/admin/v1/audit/records?page_size=1000", 200, key: auditor)
        try call(
            "management",
            "GET",
            "/admin/v1/audit/records?order=oldest&page_size=5",
            200,
            key: auditor,
            headers: lines
        )
        // A whole tile.
        let client = try #require(clients["tenant"])
        while try client.send("GET", "/livez").auditIndex ?? 0 < 300 {}
        try proof("management", of: 300, key: auditor)
        let checkpoint = try call("management", "GET", "/audit/log/checkpoint", 200, key: auditor)
        // There is no witness here; `WitnessTests` compares the file with its description.
        try call("management", "GET", "/audit/log/checkpoint.cosigned", 404, key: auditor)
        let size = try #require(checkpoint.text.split(separator: "\n").dropFirst().first.flatMap { Int($0) })
        try call("management", "GET", "/audit/log/end-to-end.vkey", 200, key: auditor)
        try call("management", "GET", "/audit/log/tile/entries/000", 200, key: auditor)
        try call("management", "GET", "/audit/log/tile/0/001.p/\(size - 256)", 200, key: auditor)
    }

    /// Tenants, plans and keys, from their beginning to their end.
    private mutating func callObjects() throws {
        let limits =
            "{\"rate\":{\"requests\":10,\"seconds\":1,\"burst\":20},\"daily_quota\":1000,\"models\":[\"digits\"]}"
        try admin("PUT", "/plans/described", 201, "{}")
        try admin("PUT", "/plans/described?dry_run=true", 200, limits)
        try admin("PUT", "/plans/described", 200, limits)
        try admin("GET", "/plans/described")
        try admin("GET", "/plans")
        try admin("POST", "/tenants?dry_run=true", 200, "{\"id\":\"described\",\"plan\":\"described\"}")
        try admin("POST", "/tenants", 201, "{\"id\":\"described\",\"plan\":\"described\"}")
        try admin("GET", "/tenants?page_size=1")
        try admin("GET", "/tenants/described")
        try admin("PATCH", "/tenants/described", 200, "{\"display_name\":\"Described Inc.\"}")
        try admin("PUT", "/tenants/described/limits", 200, "{\"daily_quota\":\"unlimited\",\"models\":\"all\"}")
        try admin("GET", "/tenants/described/limits")
        try admin("PATCH", "/tenants/described", 200, "{\"audit_retention_days\":90}")
        try admin("GET", "/audit/retention")
        let hold = try admin("POST", "/audit/holds", 201, "{\"tenant\":\"described\",\"reason\":\"case 1\"}")
        try admin("DELETE", "/tenants/described/audit-key", 409)
        try admin("GET", "/audit/holds")
        try admin("DELETE", "/audit/holds/\(hold["id"]?.string ?? "")")
        try admin("DELETE", "/tenants/described/audit-key")
        try admin("DELETE", "/tenants/described?grace_seconds=1000&dry_run=true")
        try admin("DELETE", "/tenants/described?grace_seconds=1000")
        try admin("POST", "/tenants/described/restore", 200, "{}")

        let issued = try admin("POST", "/keys", 201, "{\"tenant\":\"described\",\"networks\":[\"127.0.0.0/8\"]}")
        let id = try #require(issued["id"]?.string)
        try admin("GET", "/keys?page_size=1")
        try admin("GET", "/keys/\(id)")
        try admin("PATCH", "/keys/\(id)", 200, "{\"expires_in_seconds\":1000}")
        try admin(
            "PUT",
            "/keys/\(id)/limits",
            200,
            "{\"rate\":{\"requests\":1,\"seconds\":1,\"burst\":1},\"daily_quota\":9,\"concurrency\":2}"
        )
        try admin("GET", "/keys/\(id)/limits")
        try admin("POST", "/keys/\(id)/rotate", 200, "{\"overlap_seconds\":60}")
        try admin("POST", "/keys/\(id)/rotate?dry_run=true", 200, "{\"overlap_seconds\":0}")
        try admin("DELETE", "/keys/\(id)?dry_run=true")
        try admin("DELETE", "/keys/\(id)")
        try admin("POST", "/tokens/revoke", 200, "{\"jti\":\"of another issuer\"}")
        try admin("DELETE", "/tokens/jti-1")
        try admin("DELETE", "/tenants/described?grace_seconds=0")
        try admin("PUT", "/plans/nobody", 201, "{}")
        try admin("DELETE", "/plans/nobody?dry_run=true")
        try admin("DELETE", "/plans/nobody")
    }

    // MARK: - Refusals

    /// One of each kind.
    mutating func callRefused() throws {
        try tenants("POST", "/predict", 400, "{}")
        try tenants("GET", "/v1/models/missing", 404)
        try call("tenant", "GET", "/v2", 401)
        try call("tenant", "POST", "/predict", 401, key: "tg_live_none", "{}")
        try call("tenant", "POST", "/oauth/token", 401, "grant_type=client_credentials", headers: [form])
        let client = [basic(tenant.keyID, tenant.key), form]
        try call("tenant", "POST", "/oauth/token", 400, "grant_type=password", headers: client)
        try call("tenant", "POST", "/oauth/token", 413, String(repeating: "x", count: 20_000), headers: client)
        try call("management", "GET", "/admin/v1/tenants", 403, key: try gateway.metricsKey())
        try admin("GET", "/tenants?state=", 400)
        try admin("GET", "/tenants/missing", 404)
        try admin("PATCH", "/tenants/\(tenant.id)", 400, "{\"unknown\":1}")
        try admin("POST", "/tenants", 409, "{\"id\":\"\(tenant.id)\"}")
        try admin("POST", "/reload", 400, "[]")
        let path = "/admin/v1/tenants/\(tenant.id)"
        let stale = [(name: "If-Match", value: "\"99\"")]
        try call("management", "PATCH", path, 412, key: gateway.adminKey, "{}", headers: stale)
        // What would be refused anyway is, whatever the precondition says.
        try call("management", "DELETE", "\(path)?grace_seconds=x", 400, key: gateway.adminKey, headers: stale)
        let text = [(name: "Content-Type", value: "text/plain")]
        try call("management", "PATCH", path, 415, key: gateway.adminKey, "{}", headers: text)
        let limited = try gateway.makeTenant(rate: 1)
        try call("tenant", "POST", "/predict", 200, key: limited.key, Digit.body())
        try call("tenant", "POST", "/predict", 429, key: limited.key, Digit.body())
    }
}
