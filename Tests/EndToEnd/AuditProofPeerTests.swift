// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// The transparency log verified with nothing of ours: openssl, the code of Go's checksum database, aics-tlog.
@Suite(.gateway(["audit.origin": "gateway.example/audit", "audit.checkpoint_milliseconds": "50"]))
struct AuditProofPeerTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    enum Tool: String, CaseIterable, Sendable { case openssl, go, aics }

    /// aics-tlog needs a Python that Debian 12 does not have; `make test-deps` puts it there where there is one.
    private static let tools = Tool.allCases.filter {
        $0 != .aics || FileManager.default.fileExists(atPath: "\(TestRun.repository)/.tools/tlog/PINS")
    }

    private func verify(_ tool: Tool, _ log: String, _ key: String, _ old: String) throws -> ChildProcess.End {
        var environment = TestRun.environment
        environment["GOCACHE"] = "\(gateway.directory)/go"
        let arguments = ["\(TestRun.repository)/Tests/Peers/tlog_verify.sh", tool.rawValue, log, key, old]
        let ran = try ChildProcess.run("sh", arguments, environment: environment, directory: gateway.directory)
        if ran.end != .exited(0) { print("\(tool): \(ran.output)\(ran.errors)") }
        return ran.end
    }

    @Test("A log over several tiles is verified by each, and a changed record by none that read records")
    func verified() throws {
        let folder = try TestRun.makeDirectory("auditor")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let log = "\(gateway.state)/audit/log"
        let key = "\(folder)/gateway.vkey"
        try FileManager.default.copyItem(atPath: "\(log)/gateway.example_audit.vkey", toPath: key)
        let tenant = try gateway.makeTenant()
        let client = try gateway.tenants()
        func grow(_ count: Int) throws -> String {
            var last: Int64 = 0
            for _ in 0..<count {
                let answer = try client.send("GET", "/v1/models/digits", credential: tenant.key)
                last = try #require(answer.auditIndex)
            }
            return try eventually("a checkpoint over record \(last)") {
                let text = try String(contentsOfFile: "\(log)/checkpoint", encoding: .utf8)
                return Int64(text.split(separator: "\n")[1]) ?? 0 > last ? text : nil
            }
        }
        let old = "\(folder)/old.checkpoint"
        try grow(300).write(toFile: old, atomically: true, encoding: .utf8)
        _ = try grow(400)
        // A copy, which stays as it is.
        let copy = "\(folder)/log"
        try FileManager.default.copyItem(atPath: log, toPath: copy)
        for tool in Self.tools { #expect(try verify(tool, copy, key, old) == .exited(0), "\(tool)") }

        let bundle = "\(copy)/tile/entries/001"
        var bytes = Array(try #require(FileManager.default.contents(atPath: bundle)))
        bytes[bytes.count / 2] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: bundle))
        #expect(try verify(.go, copy, key, old) != .exited(0))
        // A signature says nothing of the records.
        #expect(try verify(.openssl, copy, key, old) == .exited(0))
        var checkpoint = try String(contentsOfFile: "\(copy)/checkpoint", encoding: .utf8)
        checkpoint = checkpoint.replacing(
            "gateway.example/audit\n",
            with: "gateway.example/other\n",
            maxReplacements: 1
        )
        try checkpoint.write(toFile: "\(copy)/checkpoint", atomically: true, encoding: .utf8)
        for tool in Self.tools { #expect(try verify(tool, copy, key, old) != .exited(0), "\(tool)") }
    }
}
