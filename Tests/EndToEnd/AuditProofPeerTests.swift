// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// The transparency log verified with nothing of ours: openssl, the code of Go's checksum database, aics-tlog.
@Suite(.gateway(["audit.origin": "gateway.example/audit", "audit.checkpoint_milliseconds": "50"]))
struct AuditProofPeerTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    private func verify(_ tool: LogPeer, _ log: String, _ key: String, _ old: String) throws -> ChildProcess.End {
        try tool.verify(log, key: key, old: old, for: gateway).end
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
        for tool in LogPeer.available {
            let (end, errors) = try tool.verify(copy, key: key, old: old, for: gateway)
            #expect(end == .exited(0), "\(errors)")
        }

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
        for tool in LogPeer.available { #expect(try verify(tool, copy, key, old) != .exited(0), "\(tool)") }
    }
}
