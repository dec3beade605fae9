// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// The management listener: what is wrong is said, and what was done is on record.
@Suite(.gateway())
struct ManagementTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    @Test("A change is on record with who made it, what it touched, and how that was before and after")
    func changes() throws {
        let tenant = try gateway.makeTenant(plan: "standard")
        let client = try gateway.management()
        let answer = try client.send(
            "PATCH",
            "/admin/v1/tenants/\(tenant.id)",
            credential: gateway.adminKey,
            body: "{\"plan\":\"unlimited\",\"display_name\":\"New\"}"
        )
        #expect(answer.status == 200)
        let record = try gateway.record(of: answer)
        #expect(record["action"]?.string == "tenant.update")
        #expect(record["target"]?.string == "tenant/\(tenant.id)")
        #expect(record["change"]?["before"]?["plan"]?.string == "standard")
        #expect(record["change"]?["after"]?["plan"]?.string == "unlimited")
        #expect(record["change"]?["after"]?["display_name"]?.string == "New")
        #expect(record["key_id"]?.string == String(gateway.adminKey.dropFirst(8).prefix(8)))
    }

    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let method: String
        let path: String
        let body: String?
        let status: Int
        let code: String
    }

    static let faults = [
        Fault(
            testDescription: "no JSON",
            method: "POST",
            path: "/tenants",
            body: "{",
            status: 400,
            code: "json_malformed"
        ),
        Fault(
            testDescription: "a list",
            method: "POST",
            path: "/tenants",
            body: "[]",
            status: 400,
            code: "json_malformed"
        ),
        Fault(
            testDescription: "no id",
            method: "POST",
            path: "/tenants",
            body: "{}",
            status: 400,
            code: "field_missing"
        ),
        Fault(
            testDescription: "an id with a slash",
            method: "POST",
            path: "/tenants",
            body: "{\"id\":\"a/b\"}",
            status: 400,
            code: "field_invalid"
        ),
        Fault(
            testDescription: "the reserved id",
            method: "POST",
            path: "/tenants",
            body: "{\"id\":\"system\"}",
            status: 400,
            code: "field_invalid"
        ),
        Fault(
            testDescription: "an unknown field",
            method: "POST",
            path: "/tenants",
            body: "{\"id\":\"a\",\"colour\":1}",
            status: 400,
            code: "field_invalid"
        ),
        Fault(
            testDescription: "an unknown plan",
            method: "POST",
            path: "/tenants",
            body: "{\"id\":\"a\",\"plan\":\"gold\"}",
            status: 400,
            code: "field_invalid"
        ),
        Fault(
            testDescription: "a tenant twice",
            method: "POST",
            path: "/tenants",
            body: "{\"id\":\"twice\"}",
            status: 409,
            code: "conflict"
        ),
        Fault(
            testDescription: "a tenant that is not there",
            method: "GET",
            path: "/tenants/nobody",
            body: nil,
            status: 404,
            code: "not_found"
        ),
        Fault(
            testDescription: "a key of nobody",
            method: "POST",
            path: "/keys",
            body: "{\"tenant\":\"nobody\"}",
            status: 400,
            code: "field_invalid"
        ),
        Fault(
            testDescription: "a tenant with an admin's key",
            method: "POST",
            path: "/keys",
            body: "{\"tenant\":\"twice\",\"role\":\"admin\"}",
            status: 400,
            code: "field_invalid"
        ),
        Fault(
            testDescription: "a scope beyond the role",
            method: "POST",
            path: "/keys",
            body: "{\"tenant\":\"twice\",\"scopes\":\"admin\"}",
            status: 400,
            code: "field_invalid"
        ),
        Fault(
            testDescription: "a key that is not there",
            method: "DELETE",
            path: "/keys/00000000",
            body: nil,
            status: 404,
            code: "not_found"
        ),
        Fault(
            testDescription: "a rate of nothing",
            method: "PUT",
            path: "/plans/a",
            body: "{\"rate\":{\"requests\":0,\"seconds\":1,\"burst\":1}}",
            status: 400,
            code: "field_invalid"
        ),
        Fault(
            testDescription: "a quota as a text",
            method: "PUT",
            path: "/plans/a",
            body: "{\"daily_quota\":\"9\"}",
            status: 400,
            code: "field_invalid"
        ),
        Fault(
            testDescription: "a method of no use",
            method: "DELETE",
            path: "/tenants",
            body: nil,
            status: 405,
            code: "method_not_allowed"
        ),
        Fault(
            testDescription: "a path of no use",
            method: "GET",
            path: "/nothing",
            body: nil,
            status: 404,
            code: "route_not_found"
        ),
    ]

    @Test("What an admin gets wrong is refused and said", arguments: faults)
    func refused(fault: Fault) throws {
        if fault.testDescription == "a tenant twice" { try gateway.admin("POST", "/tenants", ["id": "twice"]) }
        let answer = try gateway.management()
            .send(fault.method, "/admin/v1\(fault.path)", credential: gateway.adminKey, body: fault.body)
        try expectRefusal(answer, fault.status, fault.code, of: gateway)
        #expect((answer.header("Allow") != nil) == (fault.status == 405))
    }

    @Test(
        "The audit search says what is wrong with a query",
        arguments: [
            "status=abc", "since=yesterday", "colour=red", "page_size=0", "page_size=1001", "order=up",
            "status=200&status=201", "q=--", "q=%22half", "model_version=x", "page_token=x", "page_token=WyJ4Il0",
        ]
    )
    func badSearch(query: String) throws {
        let answer = try gateway.management()
            .send("GET", "/admin/v1/audit/records?\(query)", credential: gateway.auditorKey)
        try expectRefusal(answer, 400, "field_invalid", of: gateway)
    }

    // MARK: - Search

    @Test("The log is searched by tenant, status, reason, key, request and time, newest first, page by page")
    func search() throws {
        let tenant = try gateway.makeTenant()
        let other = try gateway.makeTenant()
        let answers = try [
            gateway.predict(tenant.key), gateway.predict(other.key),
            gateway.tenants().send("POST", "/predict", credential: tenant.key, body: "{}"), gateway.predict(tenant.key),
        ]
        let mine = [answers[3], answers[2], answers[0]].map(\.requestID)
        func ids(_ query: String) throws -> [String?] {
            try gateway.records(query).map { $0["record"]?["request_id"]?.string }
        }
        #expect(try ids("tenant=\(tenant.id)") == mine)
        #expect(try ids("tenant=\(tenant.id)&order=oldest") == mine.reversed())
        #expect(try ids("key_id=\(tenant.keyID)") == mine)
        #expect(try ids("tenant=\(tenant.id)&status=400") == [mine[1]])
        #expect(try ids("tenant=\(tenant.id)&reason=field_missing") == [mine[1]])
        #expect(try ids("tenant=\(tenant.id)&decision=allowed") == [mine[0], mine[2]])
        #expect(try ids("tenant=\(tenant.id)&action=predict&model=digits") == mine)
        #expect(try ids("request_id=\(answers[1].requestID ?? "")") == [answers[1].requestID])
        #expect(try ids("tenant=\(tenant.id)&status=500").isEmpty)

        let times = try answers.map { try gateway.record(of: $0)["time"]?.string ?? "" }
        #expect(try ids("tenant=\(tenant.id)&since=\(times[2])") == [mine[0], mine[1]])
        #expect(try ids("tenant=\(tenant.id)&until=\(times[2])") == [mine[2]])

        let page = try ids("tenant=\(tenant.id)&page_size=2")
        #expect(page == [mine[0], mine[1]])
        #expect(try ids("tenant=\(tenant.id)&page_size=2&before=\(answers[2].auditIndex ?? -1)") == [mine[2]])
    }

    // MARK: - Metrics

    @Test("The metrics pass promtool and tell of tenants and models")
    func metrics() throws {
        let tenant = try gateway.makeTenant()
        for digit in 0..<3 { #expect(try gateway.predict(tenant.key, digit).status == 200) }
        _ = try gateway.predict("garbage")
        let key = try gateway.issueKey(role: "metrics")
        let answer = try gateway.management().send("GET", "/metrics", credential: key)
        #expect(answer.header("Content-Type")?.hasPrefix("text/plain; version=0.0.4") == true)
        let text = answer.text
        try text.write(toFile: "\(gateway.directory)/metrics.txt", atomically: true, encoding: .utf8)
        let checked = try ChildProcess.run(
            "promtool",
            ["check", "metrics"],
            directory: gateway.directory,
            input: "\(gateway.directory)/metrics.txt"
        )
        #expect(checked.end == .exited(0), "\(checked.output)\(checked.errors)")
        #expect(checked.output + checked.errors == "")

        let lines = text.split(separator: "\n")
        func has(_ name: String, _ labels: String...) -> Bool {
            lines.contains { line in line.hasPrefix(name) && labels.allSatisfy(line.contains) }
        }
        #expect(
            lines.contains {
                $0.hasPrefix("tollgate_tenant_requests_total{") && $0.contains("\"\(tenant.id)\"") && $0.hasSuffix(" 3")
            }
        )
        #expect(has("tollgate_model_requests_total{", "model=\"digits\"", "code=\"200\""))
        #expect(has("tollgate_model_available{", "model=\"digits-onnx\"") && has("tollgate_build_info{"))
        #expect(has("tollgate_audit_records_total ") && has("tollgate_tls_cert_not_after_timestamp_seconds{"))
        #expect(!text.contains("garbage") && !text.contains(tenant.secret))
    }
}
