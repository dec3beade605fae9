// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// The log cosigned by aics-witness, a witness by others; `make test-deps` puts it there where there is a Python for it.
struct WitnessPeerTests {
    private static let tools = "\(TestRun.repository)/.tools/tlog"

    private static var isThere: Bool { FileManager.default.fileExists(atPath: "\(tools)/aics_witness") }

    /// - Returns: the entry in the list `audit.witnesses`, and the process.
    private func witness(of gateway: GatewayProcess) throws -> (entry: String, process: ChildProcess) {
        let folder = try TestRun.makeDirectory("aics-witness")
        let certificates = try Certificates.shared
        var environment = TestRun.environment
        environment["PYTHONPATH"] = Self.tools
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        let python = try String(contentsOfFile: "\(Self.tools)/PYTHON", encoding: .utf8)
        let process = try ChildProcess(
            python.trimmingCharacters(in: .newlines),
            [
                "\(TestRun.repository)/Tests/Peers/witness_peer.py", folder, certificates.certificate, certificates.key,
                "end-to-end", "\(gateway.state)/audit/log/end-to-end.vkey",
            ],
            environment: environment,
            directory: folder
        )
        let port = try eventually("aics-witness; it wrote \(process.errors)") {
            if let end = process.end { throw HarnessError("it ended with \(end): \(process.errors)") }
            return try? String(contentsOfFile: "\(folder)/port", encoding: .utf8)
        }
        let key = try String(contentsOfFile: "\(folder)/witness.vkey", encoding: .utf8)
        let authority = certificates.authority
        return ("    - {key: \"\(key)\", url: \"https://127.0.0.1:\(port)\", ca_file: \(authority)}\n", process)
    }

    private func cosignedSize(_ gateway: GatewayProcess) -> Int64 {
        let file = "\(gateway.state)/audit/log/checkpoint.cosigned"
        let lines = (try? String(contentsOfFile: file, encoding: .utf8))?.split(separator: "\n") ?? []
        return lines.count > 1 ? Int64(lines[1]) ?? 0 : 0
    }

    private func refusals(_ gateway: GatewayProcess) throws -> Double {
        try gateway.metric("tollgate_audit_witness_refusals_total")
    }

    @Test(
        "aics-witness cosigns the log as it grows, and refuses it once the operator has gone back to an old copy",
        .enabled(if: isThere, "aics-witness is missing: run Tests/Peers/tlog.sh")
    )
    func rolledBack() throws {
        try withGateway { gateway in
            let (entry, process) = try witness(of: gateway)
            defer { process.kill() }
            try gateway.send(witnesses: [entry])
            let client = try gateway.management()
            for count in [1, 300, 700] {
                while try client.send("GET", "/livez").auditIndex ?? 0 < count {}
                _ = try eventually("cosigned \(count); the log is \(gateway.log.suffix(2000))") {
                    cosignedSize(gateway) >= count ? true : nil
                }
            }
            #expect(try refusals(gateway) == 0)

            let copy = "\(gateway.directory)/copy"
            try gateway.restart {
                try FileManager.default.copyItem(atPath: gateway.state, toPath: copy)
            }
            let before = cosignedSize(gateway)
            let answer = try gateway.management().send("GET", "/livez")
            _ = try eventually("a later cosignature") { cosignedSize(gateway) > before ? true : nil }
            #expect(try answer.auditIndex != nil && refusals(gateway) == 0)

            try gateway.restart {
                try FileManager.default.removeItem(atPath: gateway.state)
                try FileManager.default.moveItem(atPath: copy, toPath: gateway.state)
            }
            let old = cosignedSize(gateway)
            _ = try eventually("a refusal; the log is \(gateway.log.suffix(2000))") {
                _ = try gateway.management().send("GET", "/livez")
                return try refusals(gateway) > 0 ? true : nil
            }
            let line = try gateway.awaitLog(
                "A WITNESS CONTRADICTS THE AUDIT LOG: its history was rewritten, or another signs with its key"
            )
            #expect(["fork", "rollback"].contains(line["refusal"]?.string ?? ""))
            #expect(cosignedSize(gateway) == old)
        }
    }
}
