// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// Witnesses that cosign the log's checkpoints, over real sockets; the witness is not ours in anything but its tests.
struct WitnessTests {
    /// A gateway with one witness that knows it.
    private func witnessed(
        _ peers: CheckpointPeers,
        quorum: Int = 0,
        _ body: (GatewayProcess) throws -> Void
    ) throws {
        try withGateway { gateway in
            try peers.introduce(gateway)
            try gateway.send(witnesses: [peers.witness()], quorum: quorum)
            try body(gateway)
        }
    }

    private func cosigned(_ gateway: GatewayProcess) throws -> Answer {
        try gateway.management().send("GET", "/audit/log/checkpoint.cosigned", credential: gateway.auditorKey)
    }

    /// Waits until the file has a checkpoint over so many records.
    @discardableResult
    private func awaitCosigned(_ gateway: GatewayProcess, over size: Int64) throws -> String {
        try eventually("a cosigned checkpoint over \(size); the log is \(gateway.log.suffix(3000))") {
            let answer = try cosigned(gateway)
            return answer.status == 200 && self.size(answer.text) >= size ? answer.text : nil
        }
    }

    private func size(_ note: String) -> Int64 {
        note.split(separator: "\n").dropFirst().first.flatMap { Int64($0) } ?? 0
    }

    private func refusals(_ gateway: GatewayProcess, _ peers: CheckpointPeers, _ reason: String) throws -> Double {
        try gateway.metric(
            "tollgate_audit_witness_refusals_total",
            "witness=\"\(peers.name)\"",
            "reason=\"\(reason)\""
        )
    }

    private func awaitRefusal(_ gateway: GatewayProcess, _ peers: CheckpointPeers, _ reason: String) throws {
        _ = try eventually("a refusal for \(reason); the log is \(gateway.log.suffix(3000))") {
            try refusals(gateway, peers, reason) > 0 ? true : nil
        }
    }

    // MARK: - Cosignatures

    @Test("A witness cosigns what the log comes to; proofs and the verifier show who vouches for what and when")
    func cosignature() throws {
        let peers = try CheckpointPeers()
        try witnessed(peers) { gateway in
            let tenant = try gateway.makeTenant()
            let answer = try gateway.predict(tenant.key)
            let index = try #require(answer.auditIndex)
            let note = try awaitCosigned(gateway, over: index + 1)
            #expect(note.contains("\n— \(peers.name) "))
            let description = try Description(yaml: gateway.tenants().send("GET", "/openapi.yaml").text)
            let operation = try #require(description.operation("GET", "/audit/log/checkpoint.cosigned"))
            #expect(try description.faults(of: cosigned(gateway), to: operation) == [])
            // Lines by keys that nobody configured are not kept.
            #expect(!note.contains("other.example"))
            let proof = try gateway.tenants().send("GET", "/audit/proof?index=\(index)", credential: tenant.key)
            #expect(proof.text.contains("\n— \(peers.name) "))

            let key = "\(gateway.directory)/witness.vkey"
            try peers.key.write(toFile: key, atomically: true, encoding: .utf8)
            let verified = try gateway.command([
                "audit", "verify", "--config", gateway.configurationFile, "--witness", key,
            ])
            #expect(verified.end == .exited(0), "\(verified.errors)")
            #expect(verified.output.contains("witness     \(peers.name) attests "))
            #expect(verified.output.contains("1 of 1 attest the log"))
            let other = try CheckpointPeers(name: "witness.example/w2").key
            let missing = try gateway.command([
                "audit", "verify", "--config", gateway.configurationFile, "--witness", peers.key, "--witness", other,
            ])
            #expect(missing.end == .exited(1))
            #expect(missing.errors.contains("has no signature by witness.example/w2"))
            let enough = try gateway.command([
                "audit", "verify", "--config", gateway.configurationFile, "--witness", peers.key, "--witness", other,
                "--witness-quorum", "1", "--output", "json",
            ])
            #expect(enough.end == .exited(0), "\(enough.errors)")
            let json = try JSON.parse(enough.output)
            #expect(json["witnesses"]?.array?.count == 1)
            #expect(json["witnesses"]?.array?[0]["name"]?.string == peers.name)
            #expect(json["witnesses"]?.array?[0]["size"]?.integer ?? 0 > index)
            let name = "destination=\"\(peers.name)\""
            #expect(try gateway.metric("tollgate_audit_delivery_size", "kind=\"witness\"", name) > Double(index))
            let success = try gateway.metric("tollgate_audit_delivery_last_success_timestamp_seconds", name)
            #expect(abs(success - Date().timeIntervalSince1970) < 600)
        }
    }

    @Test("A witness that knows an earlier tree, or none any more, is led on from where it is")
    func conflict() throws {
        let peers = try CheckpointPeers()
        try witnessed(peers) { gateway in
            let first = size(try awaitCosigned(gateway, over: 1))
            let early = try #require(peers.text("witness.json"))
            for _ in 0..<300 { _ = try gateway.management().send("GET", "/livez") }
            try awaitCosigned(gateway, over: first + 300)
            for state in [early, #"{"size": 0, "root": ""}"#] {
                let before = peers.answers(.witness, 409)
                try peers.write(state, to: "witness.json")
                let answer = try gateway.predict(gateway.makeTenant().key)
                try awaitCosigned(gateway, over: try #require(answer.auditIndex) + 1)
                #expect(peers.answers(.witness, 409) == before + 1)
            }
            // After a start the gateway knows what the witness knows.
            let before = peers.answers(.witness, 409)
            try gateway.restart()
            let answer = try gateway.predict(gateway.makeTenant().key)
            try awaitCosigned(gateway, over: try #require(answer.auditIndex) + 1)
            #expect(peers.answers(.witness, 409) == before)
            #expect(peers.answers(.witness, 422) == 0)
        }
    }

    // MARK: - Refusals

    @Test("A witness that saw another history, or a longer one, is loudly told of", arguments: ["fork", "rollback"])
    func contradiction(reason: String) throws {
        let peers = try CheckpointPeers()
        try witnessed(peers) { gateway in
            let known = size(try awaitCosigned(gateway, over: 1))
            let root = Data(repeating: 7, count: 32).base64EncodedString()
            let size = reason == "fork" ? known : known + 1_000_000
            try peers.write("{\"size\": \(size), \"root\": \"\(root)\"}", to: "witness.json")
            _ = try gateway.predict(gateway.makeTenant().key)
            try awaitRefusal(gateway, peers, reason)
            let line = try gateway.awaitLog(
                "A WITNESS CONTRADICTS THE AUDIT LOG: its history was rewritten, or another signs with its key"
            )
            #expect(line["level"] == "error")
            #expect(line["refusal"]?.string == reason)
            // Requests are answered all the same.
            #expect(try gateway.predict(gateway.makeTenant().key).status == 200)
        }
    }

    @Test("A wrong signature is not kept, and the next right one is")
    func lie() throws {
        let peers = try CheckpointPeers()
        try peers.set(.witness, "lie")
        try witnessed(peers) { gateway in
            try awaitRefusal(gateway, peers, "signature")
            #expect(try cosigned(gateway).status == 404)
            #expect(!FileManager.default.fileExists(atPath: "\(gateway.state)/audit/log/checkpoint.cosigned"))
            try peers.set(.witness, nil)
            try awaitCosigned(gateway, over: 1)
            try gateway.awaitLog("checkpoints are sent again")
        }
    }

    @Test(
        "What a witness refuses for is in the log and in the metrics",
        arguments: [("404", "unknown_log"), ("403", "unknown_key"), ("422", "fork")]
    )
    func refused(status: String, reason: String) throws {
        let peers = try CheckpointPeers()
        try peers.set(.witness, status)
        try witnessed(peers) { gateway in
            try awaitRefusal(gateway, peers, reason)
            try peers.set(.witness, nil)
            try awaitCosigned(gateway, over: 1)
        }
    }

    @Test("A witness that is down, slow or not to be trusted holds up neither answers nor checkpoints")
    func outage() throws {
        let peers = try CheckpointPeers()
        try peers.hold(.witness)
        try witnessed(peers) { gateway in
            func checkpoint(covers index: Int64) throws {
                _ = try eventually("a checkpoint over \(index)") {
                    let answer = try gateway.management().send(
                        "GET",
                        "/audit/log/checkpoint",
                        credential: gateway.auditorKey
                    )
                    return size(answer.text) > index ? true : nil
                }
            }
            let tenant = try gateway.makeTenant()
            try checkpoint(covers: try #require(try gateway.predict(tenant.key).auditIndex))
            #expect(try cosigned(gateway).status == 404)
            let failures = { try gateway.metric("tollgate_audit_delivery_failures_total", "kind=\"witness\"") }
            // Gone in the middle of a request, then not there at all.
            peers.stop()
            _ = try eventually("a failure") { try failures() > 0 ? true : nil }
            try peers.release(.witness)
            try peers.start(Certificates.another())
            let before = try failures()
            _ = try eventually("a failure") { try failures() > before ? true : nil }
            #expect(peers.answers(.witness, 200) == 0)
            try checkpoint(covers: try #require(try gateway.predict(tenant.key).auditIndex))
            peers.stop()
            try peers.start()
            try awaitCosigned(gateway, over: 1)
        }
    }

    // MARK: - Quorum

    @Test("With a quorum nothing leaves before so many witnesses cosigned the same checkpoint")
    func quorum() throws {
        let (a, b) = (try CheckpointPeers(), try CheckpointPeers(name: "witness.example/w2"))
        try b.hold(.witness)
        try withGateway { gateway in
            for peers in [a, b] { try peers.introduce(gateway) }
            let folder = "\(gateway.directory)/kept"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let witnesses = [try a.witness(), try b.witness()]
            try gateway.send(witnesses: witnesses, quorum: 2, publish: ["    - file:\(folder)\n"])
            _ = try eventually("cosignatures by the first") { a.answers(.witness, 200) > 0 ? true : nil }
            #expect(try cosigned(gateway).status == 404)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
            try b.release(.witness)
            let note = try awaitCosigned(gateway, over: 1)
            #expect(note.contains("\n— \(a.name) ") && note.contains("\n— \(b.name) "))
            let kept = try eventually("a published checkpoint") {
                try FileManager.default.contentsOfDirectory(atPath: folder).first { $0.hasSuffix(".checkpoint") }
            }
            let text = try String(contentsOfFile: "\(folder)/\(kept)", encoding: .utf8)
            #expect(text.contains("\n— \(a.name) ") && text.contains("\n— \(b.name) "))
        }
    }
}
