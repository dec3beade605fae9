// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// Least privilege: every route of the management listener, for every role, on its own tenant and on others.
@Suite(.gateway())
struct PrivilegeTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    enum Caller: String, CaseIterable, Sendable {
        case admin, `operator`, auditor, metrics, tenantAdmin = "tenant-admin", tenant, nobody
    }

    /// `{t}`, `{k}` and `{p}` stand for a tenant, a key of it, and the plan it is on; `{new}` for a name not taken.
    struct Row: Sendable, CustomTestStringConvertible {
        let method: String
        let path: String
        var body: String?
        let allowed: Set<Caller>

        var testDescription: String { "\(method) \(path)" }
    }

    /// Written by hand beside the program's own tables.
    static let rows = [
        Row(method: "GET", path: "/admin/v1/tenants", allowed: [.admin, .operator, .auditor, .tenantAdmin]),
        Row(method: "POST", path: "/admin/v1/tenants", body: #"{"id":"{new}"}"#, allowed: [.admin]),
        Row(method: "GET", path: "/admin/v1/tenants/{t}", allowed: [.admin, .operator, .auditor, .tenantAdmin]),
        Row(method: "PATCH", path: "/admin/v1/tenants/{t}", body: #"{"display_name":"X"}"#, allowed: [.admin]),
        Row(method: "DELETE", path: "/admin/v1/tenants/{t}", allowed: [.admin]),
        Row(method: "POST", path: "/admin/v1/tenants/{d}/restore", body: "{}", allowed: [.admin]),
        Row(method: "GET", path: "/admin/v1/tenants/{t}/limits", allowed: [.admin, .operator, .auditor, .tenantAdmin]),
        Row(
            method: "PUT",
            path: "/admin/v1/tenants/{t}/limits",
            body: #"{"daily_quota":7}"#,
            allowed: [.admin, .operator]
        ),
        Row(method: "GET", path: "/admin/v1/plans", allowed: [.admin, .operator, .auditor, .tenantAdmin]),
        Row(method: "GET", path: "/admin/v1/plans/{p}", allowed: [.admin, .operator, .auditor, .tenantAdmin]),
        Row(method: "PUT", path: "/admin/v1/plans/{new}", body: "{}", allowed: [.admin, .operator]),
        Row(method: "DELETE", path: "/admin/v1/plans/{made}", allowed: [.admin, .operator]),
        Row(method: "GET", path: "/admin/v1/keys", allowed: [.admin, .operator, .auditor, .tenantAdmin]),
        Row(method: "POST", path: "/admin/v1/keys", body: #"{"tenant":"{t}"}"#, allowed: [.admin, .tenantAdmin]),
        Row(method: "GET", path: "/admin/v1/keys/{k}", allowed: [.admin, .operator, .auditor, .tenantAdmin]),
        Row(method: "PATCH", path: "/admin/v1/keys/{k}", body: #"{"name":"X"}"#, allowed: [.admin, .tenantAdmin]),
        Row(method: "DELETE", path: "/admin/v1/keys/{k}", allowed: [.admin, .tenantAdmin]),
        Row(method: "POST", path: "/admin/v1/keys/{k}/rotate", body: "{}", allowed: [.admin, .tenantAdmin]),
        Row(method: "GET", path: "/admin/v1/keys/{k}/limits", allowed: [.admin, .operator, .auditor, .tenantAdmin]),
        Row(method: "PUT", path: "/admin/v1/keys/{k}/limits", body: "{}", allowed: [.admin, .operator]),
        Row(method: "POST", path: "/admin/v1/tokens/revoke", body: #"{"jti":"{new}"}"#, allowed: [.admin]),
        Row(method: "DELETE", path: "/admin/v1/tokens/{new}", allowed: [.admin]),
        Row(method: "GET", path: "/admin/v1/models", allowed: [.admin, .operator, .auditor]),
        Row(method: "GET", path: "/admin/v1/models/digits", allowed: [.admin, .operator, .auditor]),
        Row(method: "POST", path: "/admin/v1/models/digits/load", body: "{}", allowed: [.admin, .operator]),
        Row(
            method: "POST",
            path: "/admin/v1/models/digits/promote",
            body: #"{"version":null}"#,
            allowed: [.admin, .operator]
        ),
        Row(method: "DELETE", path: "/admin/v1/models/digits/canary", allowed: [.admin, .operator]),
        Row(method: "DELETE", path: "/admin/v1/models/digits/shadow", allowed: [.admin, .operator]),
        Row(method: "GET", path: "/admin/v1/audit/retention", allowed: [.admin, .auditor]),
        Row(method: "GET", path: "/admin/v1/audit/holds", allowed: [.admin, .auditor]),
        Row(
            method: "POST",
            path: "/admin/v1/audit/holds",
            body: #"{"tenant":"{t}","reason":"case 1"}"#,
            allowed: [.admin]
        ),
        Row(method: "DELETE", path: "/admin/v1/audit/holds/{h}", allowed: [.admin]),
        Row(method: "DELETE", path: "/admin/v1/tenants/{t}/audit-key", allowed: [.admin]),
        Row(method: "GET", path: "/admin/v1/audit/records", allowed: [.auditor, .tenantAdmin]),
        Row(method: "POST", path: "/admin/v1/reload", body: "{}", allowed: [.admin]),
        Row(method: "GET", path: "/metrics", allowed: [.metrics]),
    ]

    /// A tenant with a key, another that is deleted, and a plan of no one.
    private struct Scene {
        let tenant: TestTenant
        let deleted: String
        let madePlan: String
        let hold: String

        init(_ gateway: GatewayProcess) throws {
            tenant = try gateway.makeTenant(plan: "unlimited")
            deleted = try gateway.makeTenant().id
            try gateway.admin("DELETE", "/tenants/\(deleted)")
            let body: JSON = ["tenant": .string(deleted), "reason": "case 1"]
            hold = try gateway.admin("POST", "/audit/holds", body)["id"]?.string ?? ""
            madePlan = "made-\(TestRun.next())"
            try gateway.admin("PUT", "/plans/\(madePlan)", [:])
        }

        func filled(_ text: String) -> String {
            text.replacing("{t}", with: tenant.id).replacing("{k}", with: tenant.keyID)
                .replacing("{d}", with: deleted).replacing("{h}", with: hold).replacing("{p}", with: "unlimited")
                .replacing("{made}", with: madePlan).replacing("{new}", with: "new-\(TestRun.next())")
        }

        /// All that a call could have changed, as an admin sees it.
        func state(_ gateway: GatewayProcess) throws -> [String] {
            try ["/tenants/\(tenant.id)", "/tenants/\(deleted)", "/keys/\(tenant.keyID)", "/plans/\(madePlan)"]
                .map { try gateway.call("GET", $0).text }
        }
    }

    private func key(_ caller: Caller, _ tenant: String) throws -> String? {
        switch caller {
        case .nobody: nil
        case .admin: gateway.adminKey
        case .auditor: gateway.auditorKey
        case .tenant, .tenantAdmin: try gateway.issueKey(tenant: tenant, role: caller.rawValue)
        case .operator, .metrics: try gateway.issueKey(role: caller.rawValue)
        }
    }

    @Test("Each route serves the roles it is for, and refuses every other before it does anything", arguments: rows)
    func roles(row: Row) throws {
        let client = try gateway.management()
        for caller in Caller.allCases {
            let scene = try Scene(gateway)
            let key = try key(caller, scene.tenant.id)
            let before = try scene.state(gateway)
            let answer = try client.send(
                row.method,
                scene.filled(row.path),
                credential: key,
                body: row.body.map(scene.filled)
            )
            let what: Comment = "\(row.testDescription) for \(caller): \(answer.status) \(answer.text)"
            if caller == .nobody {
                try expectRefusal(answer, 401, "credential_missing", of: gateway)
            } else if row.allowed.contains(caller) {
                #expect((200...201).contains(answer.status), what)
                #expect(answer.header("Cache-Control") == "no-store")
                #expect(try gateway.record(of: answer)["role"]?.string == caller.rawValue)
            } else {
                try expectRefusal(answer, 403, "role_forbidden", of: gateway)
                #expect(answer.header("WWW-Authenticate")?.contains("insufficient_scope") == true)
                #expect(try scene.state(gateway) == before, what)
            }
        }
    }

    // MARK: - Other tenants

    /// Of a caller's own, of another tenant, and of nobody; all names are of one length.
    struct Names: Sendable {
        let tenant: String
        let key: String
        let plan: String
    }

    private func named(_ prefix: String) throws -> Names {
        let number = 100_000 + TestRun.next()
        let names = Names(tenant: "\(prefix)-t-\(number)", key: "", plan: "\(prefix)-p-\(number)")
        try gateway.admin("PUT", "/plans/\(names.plan)", [:])
        try gateway.admin("POST", "/tenants", ["id": .string(names.tenant), "plan": .string(names.plan)])
        let key = try gateway.issueKey(tenant: names.tenant)
        return Names(tenant: names.tenant, key: String(key.dropFirst(8).prefix(8)), plan: names.plan)
    }

    /// The whole answer but for what differs in any two, the object's name left out.
    private func bytes(_ answer: Answer, without names: Names) throws -> String {
        var text = "\(answer.status)\n"
        let own: Set = ["x-request-id", "audit-index", "audit-leaf", "date"]
        for header in answer.headers where !own.contains(header.name.lowercased()) {
            text += "\(header.name): \(header.value)\n"
        }
        text += answer.text.replacing(answer.requestID ?? "none", with: "ID")
        for name in [names.tenant, names.key, names.plan] { text = text.replacing(name, with: "NAME") }
        return text
    }

    struct Probe: Sendable, CustomTestStringConvertible {
        let method: String
        let path: String
        var body: String?
        var status = 404

        var testDescription: String { "\(method) \(path) \(body ?? "")" }
    }

    static let probes = [
        Probe(method: "GET", path: "/admin/v1/tenants/{t}"),
        Probe(method: "GET", path: "/admin/v1/tenants/{t}/limits"), Probe(method: "GET", path: "/admin/v1/plans/{p}"),
        Probe(method: "GET", path: "/admin/v1/keys/{k}"), Probe(method: "GET", path: "/admin/v1/keys/{k}/limits"),
        Probe(method: "PATCH", path: "/admin/v1/keys/{k}", body: "{}"),
        Probe(method: "PATCH", path: "/admin/v1/keys/{k}", body: "not json"),
        Probe(method: "DELETE", path: "/admin/v1/keys/{k}"),
        Probe(method: "POST", path: "/admin/v1/keys/{k}/rotate", body: "{}"),
        Probe(method: "POST", path: "/admin/v1/keys", body: #"{"tenant":"{t}"}"#, status: 400),
        Probe(method: "GET", path: "/admin/v1/keys?tenant={t}"),
        Probe(method: "GET", path: "/admin/v1/tenants?name={t}", status: 200),
        Probe(method: "GET", path: "/admin/v1/tenants?plan={p}", status: 200),
        Probe(method: "GET", path: "/admin/v1/audit/records?tenant={t}", status: 200),
        Probe(method: "GET", path: "/admin/v1/audit/records?key_id={k}", status: 200),
        // What the role may not do at all is refused alike too.
        Probe(method: "PATCH", path: "/admin/v1/tenants/{t}", body: "{}", status: 403),
        Probe(method: "DELETE", path: "/admin/v1/tenants/{t}", status: 403),
        Probe(method: "PUT", path: "/admin/v1/tenants/{t}/limits", body: "{}", status: 403),
        Probe(method: "PUT", path: "/admin/v1/keys/{k}/limits", body: "{}", status: 403),
    ]

    @Test("Another tenant's objects are the same as missing ones, to the byte")
    func others() throws {
        let own = try named("own")
        let other = try named("oth")
        let missing = Names(tenant: "non-t-100000", key: "00000000", plan: "non-p-100000")
        let key = try gateway.issueKey(tenant: own.tenant, role: "tenant-admin")
        let client = try gateway.management()
        _ = try gateway.call("GET", "/keys/\(other.key)")
        let before = try gateway.call("GET", "/keys/\(other.key)").text
        for probe in Self.probes {
            func ask(_ names: Names, headers: [(name: String, value: String)]) throws -> Answer {
                func filled(_ text: String) -> String {
                    text.replacing("{t}", with: names.tenant).replacing("{k}", with: names.key)
                        .replacing("{p}", with: names.plan)
                }
                return try client.send(
                    probe.method,
                    filled(probe.path),
                    credential: key,
                    headers: headers,
                    body: probe.body.map(filled)
                )
            }
            for headers in [[], [(name: "If-Match", value: "\"1\"")]] {
                let ofOther = try ask(other, headers: headers)
                let ofMissing = try ask(missing, headers: headers)
                #expect(ofOther.status == probe.status, "\(probe.testDescription): \(ofOther.text)")
                #expect(
                    try bytes(ofOther, without: other) == bytes(ofMissing, without: missing),
                    "\(probe.testDescription)"
                )
                if probe.status == 200 {
                    #expect(!ofOther.text.contains(other.tenant) && !ofOther.text.contains(other.key))
                }
            }
        }
        #expect(try gateway.call("GET", "/keys/\(other.key)").text == before)
    }

    @Test("A tenant's admin sees and does all of its own tenant, and lists show nothing else")
    func own() throws {
        let own = try named("own")
        let other = try named("oth")
        let key = try gateway.issueKey(tenant: own.tenant, role: "tenant-admin")
        func get(_ path: String) throws -> JSON { try gateway.call("GET", path, key: key).json }
        #expect(try get("/tenants")["tenants"]?.array?.map { $0["id"]?.string } == [own.tenant])
        #expect(try get("/plans")["plans"]?.array?.map { $0["name"]?.string } == [own.plan])
        let keys = try get("/keys")["keys"]?.array ?? []
        #expect(keys.count == 2 && keys.allSatisfy { $0["tenant"]?.string == own.tenant })

        let issued = try gateway.call("POST", "/keys", ["name": "mine"], key: key)
        #expect(issued.status == 201)
        #expect(try issued.json["tenant"]?.string == own.tenant)
        #expect(try issued.json["role"]?.string == "tenant")
        let made = try #require(try issued.json["key"]?.string)
        #expect(try gateway.predict(made).status == 200)
        for role in ["admin", "operator", "auditor", "metrics", "tenant-admin"] {
            let answer = try gateway.call("POST", "/keys", ["role": .string(role)], key: key)
            try expectRefusal(answer, 400, "field_invalid", of: gateway)
        }
        let records = try get("/audit/records")
        #expect(records["log_size"] == nil && records["indexed_size"] == nil)
        let tenants = Set((records["records"]?.array ?? []).compactMap { $0["record"]?["tenant"]?.string })
        #expect(tenants == [own.tenant])
        _ = other
    }

    @Test("The keys of operators are out of a tenant's reach")
    func operators() throws {
        let tenant = try gateway.makeTenant()
        let key = try gateway.issueKey(tenant: tenant.id, role: "tenant-admin")
        let admin = String(gateway.adminKey.dropFirst(8).prefix(8))
        try expectRefusal(try gateway.call("GET", "/keys/\(admin)", key: key), 404, "not_found", of: gateway)
        try expectRefusal(try gateway.call("DELETE", "/keys/\(admin)", key: key), 404, "not_found", of: gateway)
        try expectRefusal(try gateway.call("GET", "/tenants/system", key: key), 404, "not_found", of: gateway)
        #expect(try gateway.call("GET", "/keys").status == 200)
    }
}
