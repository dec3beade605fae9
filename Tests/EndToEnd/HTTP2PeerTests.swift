// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// HTTP/2 with clients of others: curl, nghttp and h2load, and Python's h2, which shares no code with nghttp2.
@Suite(.gateway())
struct HTTP2PeerTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    /// Where `make test-deps` puts Python's h2.
    private static let pythonPath = "\(TestRun.repository)/.tools/h2"

    /// Whether the tests of a tool run: they do, and fail without it, unless the environment allows them to be skipped.
    private static func isWanted(_ isThere: Bool) -> Bool {
        isThere || ProcessInfo.processInfo.environment["TOLLGATE_TEST_SKIP_MISSING_TOOLS"] == nil
    }

    private static func has(_ program: String) -> Bool {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(program)")
        }
    }

    /// A tool's output.
    private func run(_ program: String, _ arguments: [String], path: String? = nil) throws -> String {
        var environment = TestRun.environment
        environment["PYTHONPATH"] = path
        let ran = try ChildProcess.run(program, arguments, environment: environment, directory: gateway.directory)
        guard ran.end == .exited(0) else { throw HarnessError("\(program): \(ran)") }
        return ran.output
    }

    private func bodyFile() throws -> String {
        let path = "\(gateway.directory)/body-\(TestRun.next()).json"
        try Digit.body(3).write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    @Test("curl --http2")
    func curl() throws {
        let tenant = try gateway.makeTenant()
        let arguments = [
            "--silent", "--show-error", "--include", "--http2", "--cacert", try Certificates.shared.authority,
            "--header", "Authorization: Bearer \(tenant.key)", "--header", "Content-Type: application/json",
            "--data-binary", "@\(try bodyFile())", "https://127.0.0.1:\(gateway.tenantPort)/predict",
        ]
        let output = try run("curl", arguments)
        #expect(output.hasPrefix("HTTP/2 200"), "\(output.prefix(200))")
        let body = output.components(separatedBy: "\r\n\r\n").last ?? ""
        #expect(try JSON.parse(body) == gateway.predict(tenant.key, 3).json)
    }

    @Test(
        "nghttp: twenty requests at once, with priorities and padding",
        .enabled(if: isWanted(has("nghttp")), "nghttp is missing: install nghttp2-client")
    )
    func nghttp() throws {
        let tenant = try gateway.makeTenant()
        let output = try run(
            "nghttp",
            [
                "--verbose", "--multiply=20", "--padding=50", "--weight=100", "--no-verify-peer",
                "--data=\(try bodyFile())",
                "--header=authorization: Bearer \(tenant.key)", "--header=content-type: application/json",
                "https://127.0.0.1:\(gateway.tenantPort)/predict",
            ]
        )
        #expect(output.components(separatedBy: ":status: 200").count - 1 == 20)
        #expect(!output.contains("RST_STREAM"), "\(output.suffix(2000))")
        #expect(try gateway.records("tenant=\(tenant.id)&status=200").count == 20)
    }

    @Test(
        "h2load: four connections with sixteen streams each, no request fails, each is on record once",
        .enabled(if: isWanted(has("h2load")), "h2load is missing: install nghttp2-client")
    )
    func h2load() throws {
        let tenant = try gateway.makeTenant()
        let output = try run(
            "h2load",
            [
                "--clients=4", "--max-concurrent-streams=16", "--requests=800", "--data=\(try bodyFile())",
                "--header=authorization: Bearer \(tenant.key)", "--header=content-type: application/json",
                "https://127.0.0.1:\(gateway.tenantPort)/predict",
            ]
        )
        #expect(output.contains("800 done, 800 succeeded, 0 failed, 0 errored, 0 timeout"), "\(output)")
        #expect(output.contains("800 2xx"), "\(output)")
        let records = try gateway.records("tenant=\(tenant.id)&page_size=1000")
        #expect(records.count == 800)
        #expect(Set(records.compactMap { $0["record"]?["request_id"]?.string }).count == 800)
        #expect(records.allSatisfy { $0["record"]?["protocol"] == "HTTP/2" && $0["record"]?["status"] == 200 })
    }

    @Test(
        "Python's h2: bodies interleaved a piece at a time",
        .enabled(
            if: isWanted(FileManager.default.fileExists(atPath: pythonPath)),
            "Python's h2 is missing: run Tests/Peers/h2.sh"
        )
    )
    func python() throws {
        let tenant = try gateway.makeTenant()
        let output = try run(
            "python3",
            [
                "\(TestRun.repository)/Tests/Peers/h2_peer.py", String(gateway.tenantPort),
                try Certificates.shared.authority, tenant.key, try bodyFile(),
            ],
            path: Self.pythonPath
        )
        let answers = try JSON.parse(output)
        let expected: [(String, String)] = [
            ("predict", "200"), ("again", "200"), ("status", "200"), ("head", "200"), ("stranger", "401"),
            ("nowhere", "404"),
        ]
        for (name, status) in expected {
            #expect(answers[name]?["headers"]?[":status"]?.string == status, "\(name)")
        }
        let own = try gateway.predict(tenant.key, 3).json
        #expect(try JSON.parse(answers["predict"]?["body"]?.string ?? "") == own)
        #expect(try JSON.parse(answers["again"]?["body"]?.string ?? "") == own)
        #expect(answers["head"]?["body"]?.string == "")
        let length = try #require(answers["status"]?["body"]?.string).utf8.count
        #expect(answers["head"]?["headers"]?["content-length"]?.string == String(length))
        #expect(try gateway.records("tenant=\(tenant.id)").count == 5)
    }
}
