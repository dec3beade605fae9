// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// Reviewing the audit log: search, pages, exports, following, rebuilding.
@Suite(.gateway())
struct AuditReviewTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    private func get(_ query: String, accept: String = "application/json") throws -> Answer {
        try gateway.management().send(
            "GET",
            "/admin/v1/audit/records?\(query)",
            credential: gateway.auditorKey,
            headers: [("Accept", accept)]
        )
    }

    private func indices(_ answer: Answer) throws -> [Int64] {
        try answer.json["records"]?.array?.compactMap { $0["index"]?.integer } ?? []
    }

    @Test("Records are found by subject, source, version and words")
    func fields() throws {
        let tenant = try gateway.makeTenant()
        let good = try gateway.predict(tenant.key)
        let missing = try gateway.tenants().send("GET", "/v1/models/resnet50", credential: tenant.key)
        func ids(_ query: String) throws -> [String?] {
            try gateway.records("tenant=\(tenant.id)&\(query)").map { $0["record"]?["request_id"]?.string }
        }
        let both = [missing.requestID, good.requestID]
        #expect(try ids("subject=\(tenant.keyID)") == both)
        #expect(try ids("source=127.0.0.1") == both)
        #expect(try ids("source=192.0.2.1").isEmpty)
        #expect(try ids("model_version=1") == [good.requestID])
        #expect(try ids("q=resnet50") == [missing.requestID])
        #expect(try ids("q=127.0.0.1+\(tenant.keyID)") == both)
        #expect(try ids("q=%22model+resnet50%22+404") == [missing.requestID])
        #expect(try ids("q=resn*") == [missing.requestID])
        #expect(try ids("q=resnet50+digits").isEmpty)
    }

    @Test("Pages stay as they are while the log grows, in either order")
    func pages() throws {
        let tenant = try gateway.makeTenant()
        for _ in 0..<7 { _ = try gateway.predict(tenant.key) }
        let all = try indices(get("tenant=\(tenant.id)"))
        try #require(all.count == 7)
        for order in ["newest", "oldest"] {
            var seen: [Int64] = []
            var token: String? = ""
            while let place = token {
                let page = try get(
                    "tenant=\(tenant.id)&order=\(order)&page_size=3&before=\(all[0] + 1)&page_token=\(place)"
                )
                seen += try indices(page)
                token = try page.json["next_page_token"]?.string
                _ = try gateway.predict(tenant.key)
            }
            #expect(seen == (order == "newest" ? all : all.reversed()))
        }
    }

    @Test("Lines and CSV name their next page, and hold what the pages hold")
    func forms() throws {
        let tenant = try gateway.makeTenant()
        for _ in 0..<5 { _ = try gateway.predict(tenant.key) }
        let all = try indices(get("tenant=\(tenant.id)"))

        var path: String? = "/admin/v1/audit/records?tenant=\(tenant.id)&page_size=2"
        var lines: [Int64?] = []
        while let next = path {
            let answer = try gateway.management().send(
                "GET",
                next,
                credential: gateway.auditorKey,
                headers: [("Accept", "application/x-ndjson")]
            )
            #expect(answer.header("Content-Type") == "application/x-ndjson")
            lines += try answer.text.split(separator: "\n").map { try JSON.parse(String($0))["index"]?.integer }
            path = answer.header("Link").map { String($0.dropFirst().prefix { $0 != ">" }) }
        }
        #expect(lines == all)

        let csv = try get("tenant=\(tenant.id)", accept: "text/csv")
        #expect(csv.header("Content-Type") == "text/csv; charset=utf-8")
        let rows = csv.text.components(separatedBy: "\r\n")
        try #require(rows.count == 7 && rows[6].isEmpty)
        #expect(rows[0].hasPrefix("index,time,tenant,key_id,subject,"))
        #expect(rows[1].hasPrefix("\(all[0]),\"2") && rows[1].contains(",\"\(tenant.id)\",\"\(tenant.keyID)\","))
    }

    @Test("An export holds every record once, in each form")
    func export() throws {
        let tenant = try gateway.makeTenant()
        for _ in 0..<3 { _ = try gateway.predict(tenant.key) }
        _ = try gateway.tenants().send("GET", "/v1/models/resnet50", credential: tenant.key)
        let all = try gateway.records("tenant=\(tenant.id)&order=oldest")
        try #require(all.count == 4)
        func export(_ format: String, _ more: String...) throws -> String {
            let result = try gateway.command(["audit", "export", "--format", format, "--tenant", tenant.id] + more)
            #expect(result.end == .exited(0), "\(result.errors)")
            return result.output
        }
        #expect(try export("ndjson").split(separator: "\n").map { try JSON.parse(String($0)) } == all)
        #expect(try export("csv").components(separatedBy: "\r\n").count == 6)
        let file = "\(gateway.directory)/acme.csv"
        #expect(try export("csv", "--to", file).isEmpty)
        #expect(try String(contentsOfFile: file, encoding: .utf8) == export("csv"))
        // What is there is not overwritten.
        #expect(try gateway.command(["audit", "export", "--format", "csv", "--to", file]).end == .exited(73))

        let folder = "\(gateway.directory)/columns"
        _ = try export("columns", "--to", folder)
        let schema = try JSON.parse(String(contentsOfFile: "\(folder)/schema.json", encoding: .utf8))
        #expect(schema["rows"] == 4)
        func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))) }
        let indices = try bytes("index.data")
        let wanted = all.compactMap { $0["index"]?.integer }.flatMap { value in
            withUnsafeBytes(of: value.littleEndian) { Array($0) }
        }
        #expect(indices == wanted)
        #expect(try bytes("detail.validity")[0] == 0b1000)
        #expect(try String(decoding: bytes("detail.data"), as: UTF8.self).hasPrefix("model resnet50"))
        #expect(try gateway.command(["audit", "export", "--format", "columns"]).end == .exited(64))
    }

    /// Where `make test-deps` puts pyarrow.
    private static let pythonPath = "\(TestRun.repository)/.tools/columns"

    @Test(
        "pyarrow reads exported columns in three lines, and writes them as Parquet",
        .enabled(
            if: FileManager.default.fileExists(atPath: "\(pythonPath)/PINS"),
            "pyarrow is missing: run Tests/Peers/columns.sh"
        )
    )
    func columns() throws {
        let tenant = try gateway.makeTenant()
        for _ in 0..<11 { _ = try gateway.predict(tenant.key) }
        _ = try gateway.tenants().send("GET", "/v1/models/resnet50", credential: tenant.key)
        let folder = "\(gateway.directory)/arrow"
        let export = ["audit", "export", "--format", "columns", "--tenant", tenant.id, "--to", folder]
        #expect(try gateway.command(export).end == .exited(0))
        var environment = TestRun.environment
        environment["PYTHONPATH"] = Self.pythonPath
        let peer = try ChildProcess.run(
            "python3",
            ["\(TestRun.repository)/Tests/Peers/columns.py", folder],
            environment: environment,
            directory: gateway.directory
        )
        #expect(peer.end == .exited(0), "\(peer.errors)")
        let rows = try peer.output.split(separator: "\n").map { try JSON.parse(String($0)) }
        let records = try gateway.records("tenant=\(tenant.id)&order=oldest")
        try #require(rows.count == records.count)
        for (row, entry) in zip(rows, records) {
            #expect(row["index"] == entry["index"])
            for name in ["time", "tenant", "status", "detail"] { #expect(row[name] == entry["record"]?[name]) }
        }
    }

    @Test(
        "Following shows each record once, also over a restart of the gateway",
        arguments: GatewayProcess.Way.allCases
    )
    func tail(way: GatewayProcess.Way) throws {
        let gateway = try GatewayProcess()
        defer { gateway.stop() }
        let port = gateway.managementPort
        let tenant = try gateway.makeTenant()
        for _ in 0..<3 { _ = try gateway.predict(tenant.key) }
        var environment = TestRun.environment
        environment["TOLLGATE_MANAGEMENT_URL"] = "https://127.0.0.1:\(port)"
        environment["TOLLGATE_CA"] = try Certificates.shared.authority
        environment["TOLLGATE_AUDITOR_KEY"] = gateway.auditorKey
        let tail = try ChildProcess(
            TestRun.binary,
            ["audit", "tail", "--tenant", tenant.id, "-n", "2", "--interval", "0.05", "-o", "json"],
            environment: environment,
            directory: gateway.directory
        )
        defer { tail.kill() }
        func shown() throws -> [Int64?] {
            // A last line may be on its way.
            let text = tail.output
            return try text[..<(text.lastIndex(of: "\n") ?? text.startIndex)].split(separator: "\n").map {
                try JSON.parse(String($0))["index"]?.integer
            }
        }
        func awaitRecords(_ count: Int) throws {
            _ = try eventually("\(count) records; there are \(tail.output), \(tail.errors)") {
                try shown().count >= count ? true : nil
            }
        }
        try awaitRecords(2)
        for _ in 0..<5 { _ = try gateway.predict(tenant.key) }
        try awaitRecords(7)
        try gateway.restart(way, managementPort: port)
        for _ in 0..<5 { _ = try gateway.predict(tenant.key) }
        try awaitRecords(12)
        let wanted = try gateway.records("tenant=\(tenant.id)&order=oldest").map { $0["index"]?.integer }
        #expect(try shown() == Array(wanted.dropFirst()))
    }

    @Test("The index is rebuilt with the gateway stopped, shows how far it is, and finds the same")
    func rebuild() throws {
        let gateway = try GatewayProcess()
        defer { gateway.stop() }
        let tenant = try gateway.makeTenant()
        for _ in 0..<5 { _ = try gateway.predict(tenant.key) }
        let before = try gateway.records("tenant=\(tenant.id)")
        let command = ["audit", "index", "rebuild", "--config", gateway.configurationFile]
        let refused = try gateway.command(command)
        #expect(refused.end == .exited(1))
        #expect(refused.errors.contains("another process writes this journal"))
        #expect(try gateway.records("tenant=\(tenant.id)") == before)

        #expect(try gateway.terminate() == .exited(0))
        let size =
            try FileManager.default.attributesOfItem(atPath: "\(gateway.state)/audit-index.sqlite")[.size] as? Int
        #expect(size ?? 0 > 0)
        let rebuilt = try gateway.command(command)
        #expect(rebuilt.end == .exited(0))
        #expect(rebuilt.errors.contains(" records, ") && rebuilt.errors.contains(" a second"))
        try gateway.restart(.kill)
        #expect(try gateway.records("tenant=\(tenant.id)") == before)
    }

    @Test("What an administrator names a tenant cannot forge a line, a field or a control sequence")
    func injection() throws {
        let id = "tenant-\(TestRun.next())"
        let hostile =
            "=cmd|'/C calc'!A0\r\n{\"index\":0,\"record\":{}}\u{1b}[2J\u{202e}\u{2028}\",\"decision\":\"allowed"
        try gateway.admin("POST", "/tenants", ["id": .string(id), "display_name": .string(hostile)])
        let record = try #require(try gateway.records("action=tenant.create&q=\(id)").first?["record"])
        #expect(record["change"]?["after"]?["display_name"] == .string(hostile))
        let lines = try gateway.command(["audit", "search", "--words", id, "-o", "json"]).output
        #expect(lines.split(separator: "\n").count == 1)
        for command in [["search", "--words", id, "-o", "json"], ["tail", "--words", id, "--no-follow"]] {
            let output = try gateway.command(["audit"] + command).output
            #expect(output.split(separator: "\n").count == 1)
            #expect(
                !output.unicodeScalars.contains { $0 == "\u{1b}" || $0 == "\r" || $0 == "\u{202e}" || $0 == "\u{2028}" }
            )
        }
        #expect(try gateway.command(["audit", "search", "--words", id]).output.split(separator: "\n").count == 2)
    }
}
