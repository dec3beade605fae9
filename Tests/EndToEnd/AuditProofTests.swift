// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCrypto
import Testing

/// The transparency log as auditors and tenants meet it: its files, its proofs, the commands that verify it.
@Suite(.gateway(["audit.origin": "gateway.example/audit", "audit.checkpoint_milliseconds": "100"]))
struct AuditProofTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    private var log: String { "\(gateway.state)/audit/log" }
    private var key: String { "\(log)/gateway.example_audit.vkey" }

    /// Asks again while the checkpoint is on its way.
    private func patiently(_ send: () throws -> Answer) throws -> Answer {
        for _ in 0..<200 {
            let answer = try send()
            guard answer.status == 503 else { return answer }
            #expect(answer.header("Retry-After") == "1")
            #expect(try answer.json["code"] == "checkpoint_pending")
            usleep(20_000)
        }
        throw HarnessError("no checkpoint came")
    }

    private func proof(_ index: Int64?, _ credential: String, management: Bool = false) throws -> Answer {
        let client = try management ? gateway.management() : gateway.tenants()
        return try patiently {
            try client.send("GET", "/audit/proof?index=\(index ?? -1)", credential: credential)
        }
    }

    private func read(_ path: String) throws -> Answer {
        try gateway.management().send("GET", "/audit/log/\(path)", credential: gateway.auditorKey)
    }

    /// Follows a proof to the root by hand: the record's hash, then each line, left or right by the bits of the index.
    private func root(of text: String, leaf: [UInt8]) throws -> (root: String, signed: String) {
        let parts = text.components(separatedBy: "\n\n")
        try #require(parts.count == 3)
        var lines = parts[0].split(separator: "\n").map(String.init)
        #expect(lines.removeFirst() == "c2sp.org/tlog-proof@v1")
        #expect(lines.removeFirst() == "extra \(Base64.encode(leaf))")
        var place = try #require(Int(lines.removeFirst().dropFirst("index ".count)))
        let checkpoint = parts[1].split(separator: "\n").map(String.init)
        #expect(checkpoint[0] == "gateway.example/audit")
        var last = try #require(Int(checkpoint[1])) - 1
        var hash = leaf
        for line in lines {
            let sibling = try #require(Base64.decode(line.utf8))
            if place & 1 == 1 || place == last {
                hash = SHA256.hash([1] + sibling + hash)
                while place & 1 == 0, place > 0 { (place, last) = (place >> 1, last >> 1) }
            } else {
                hash = SHA256.hash([1] + hash + sibling)
            }
            (place, last) = (place >> 1, last >> 1)
        }
        #expect(last == 0)
        return (Base64.encode(hash), checkpoint[2])
    }

    /// The record's hash, from the bytes that an auditor can read.
    private func leaf(of answer: Answer) throws -> [UInt8] {
        let found = try gateway.management().send(
            "GET",
            "/admin/v1/audit/records?request_id=\(answer.requestID ?? "")",
            credential: gateway.auditorKey,
            headers: [(name: "Accept", value: "application/x-ndjson")]
        )
        let text = try #require(found.text.split(separator: "\n").first)
        let record = try #require(text.range(of: "\"record\":")).upperBound
        return SHA256.hash([0] + Array(text[record...].dropLast().utf8))
    }

    @Test("A tenant gets a proof of each own record, and it leads to the signed root")
    func proofs() throws {
        let tenant = try gateway.makeTenant()
        let answers = [
            try gateway.predict(tenant.key), try gateway.predict(tenant.key, 1),
            try gateway.tenants().send("POST", "/predict", credential: tenant.key, body: "{}"),
        ]
        for answer in answers {
            let proof = try proof(answer.auditIndex, tenant.key)
            #expect(proof.status == 200)
            #expect(proof.header("Content-Type") == "text/plain; charset=utf-8")
            // Of the answer alone, and of the record as the auditor reads it.
            let leaf = try leaf(of: answer)
            #expect(answer.header("Audit-Leaf") == Base64.encode(leaf))
            let (root, signed) = try root(of: proof.text, leaf: leaf)
            #expect(root == signed)
            #expect(try gateway.record(of: proof)["action"] == "audit.proof")
        }
    }

    @Test("Another tenant's record looks like one that is not there; an auditor gets every proof")
    func isolation() throws {
        let (a, b) = (try gateway.makeTenant(), try gateway.makeTenant())
        let index = try #require(try gateway.predict(a.key).auditIndex)
        #expect(try proof(index, a.key).status == 200)
        // An answer without what differs from request to request.
        func seen(_ index: Int64) throws -> [String] {
            let answer = try proof(index, b.key)
            let names = answer.headers.map(\.name).filter { !["date", "content-length"].contains($0.lowercased()) }
            return ["\(answer.status)", try answer.json["detail"]?.string ?? "", try answer.json["code"]?.string ?? ""]
                + names
        }
        let missing = try seen(1_000_000_000)
        #expect(missing[0] == "404")
        #expect(try seen(index) == missing)
        // Also one that no checkpoint covers yet.
        let fresh = try #require(try gateway.predict(a.key).auditIndex)
        #expect(try seen(fresh) == missing)
        #expect(try proof(index, gateway.auditorKey, management: true).status == 200)
        #expect(try proof(index, gateway.adminKey, management: true).status == 403)
        #expect(try gateway.tenants().send("GET", "/audit/proof?index=1").status == 401)
    }

    @Test(
        "An index that is none is refused",
        arguments: ["", "?index=", "?index=-1", "?index=01", "?index=1&x=2", "?i=1"]
    )
    func wrongIndex(query: String) throws {
        let tenant = try gateway.makeTenant()
        let answer = try gateway.tenants().send("GET", "/audit/proof\(query)", credential: tenant.key)
        try expectRefusal(answer, 400, "field_invalid", of: gateway)
    }

    @Test("The log's files are served read-only as they lie on the disk, as far as the checkpoint goes")
    func files() throws {
        let index = try #require(try gateway.predict(gateway.makeTenant().key).auditIndex)
        _ = try proof(index, gateway.auditorKey, management: true)
        let checkpoint = try read("checkpoint")
        #expect(checkpoint.status == 200)
        #expect(checkpoint.header("Content-Type") == "text/plain; charset=utf-8")
        let size = try #require(Int(checkpoint.text.split(separator: "\n")[1]))
        #expect(size > Int(index) && size < 256)
        for path in ["tile/0/000.p/\(size)", "tile/entries/000.p/\(size)", "tile/0/000.p/1"] {
            let tile = try read(path)
            #expect(tile.status == 200, "\(path)")
            #expect(tile.header("Content-Type") == "application/octet-stream")
            #expect(tile.header("Cache-Control") == "private, max-age=31536000, immutable")
            if let file = FileManager.default.contents(atPath: "\(log)/\(path)") { #expect(Array(file) == tile.body) }
        }
        #expect(try read("tile/0/000.p/\(size)").body.count == 32 * size)
        #expect(
            try read("gateway.example_audit.vkey").body == Array(FileManager.default.contents(atPath: key) ?? Data())
        )
        for path in [
            "tile/0/000", "tile/1/000.p/1", "tile/0/001.p/1", "tile/0/000.p/0", "other.vkey",
            "", "tile", "..%2f..%2fpepper", "../../pepper", "tile/0/000.p/255",
        ] {
            #expect(try read(path).status == 404, "\(path)")
        }
        #expect(
            try gateway.management().send("POST", "/audit/log/checkpoint", credential: gateway.auditorKey, body: "{}")
                .status == 405
        )
        #expect(
            try gateway.management().send("GET", "/audit/log/checkpoint", credential: gateway.adminKey).status == 403
        )
        #expect(
            try gateway.tenants().send("GET", "/audit/log/checkpoint", credential: gateway.auditorKey).status == 404
        )
    }

    @Test("The state's keys are private, and only the owner can read the log")
    func modes() throws {
        for (path, mode) in [("audit-signing.pem", 0o600), ("audit/log", 0o700), ("audit/log/checkpoint", 0o600)] {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(gateway.state)/\(path)")
            #expect(attributes[.posixPermissions] as? Int == mode, "\(path)")
        }
        let pem = try String(contentsOfFile: "\(gateway.state)/audit-signing.pem", encoding: .utf8)
        #expect(pem.hasPrefix("-----BEGIN PRIVATE KEY-----\n"))
    }

    @Test("The command saves checkpoints, and verifies the log with them, its journal and its index")
    func commands() throws {
        let saved = try TestRun.makeDirectory("saved")
        defer { try? FileManager.default.removeItem(atPath: saved) }
        let tenant = try gateway.makeTenant()
        for _ in 0..<3 {
            let index = try #require(try gateway.predict(tenant.key).auditIndex)
            _ = try proof(index, gateway.auditorKey, management: true)
            let result = try gateway.command(["audit", "checkpoint", "--key", key, "--save", saved])
            #expect(result.end == .exited(0), "\(result.errors)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: saved).count == 3)
        let result = try gateway.command([
            "audit", "verify", "--state", gateway.state, "--key", key, "--saved", saved, "-o", "json",
        ])
        #expect(result.end == .exited(0), "\(result.errors)")
        let report = try JSON.parse(result.output)
        #expect(report["whole"] == true && report["saved_agreeing"] == 3 && report["faults"] == [])
        #expect(report["records"] == report["size"] && report["origin"] == "gateway.example/audit")
    }

    @Test("A copy in which a record was changed, or a saved checkpoint contradicts, is not whole")
    func tampering() throws {
        let folder = try TestRun.makeDirectory("copy")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let index = try #require(try gateway.predict(gateway.makeTenant().key).auditIndex)
        _ = try proof(index, gateway.auditorKey, management: true)
        try FileManager.default.copyItem(atPath: log, toPath: "\(folder)/log")
        func verify(_ more: String...) throws -> (status: ChildProcess.End, report: JSON) {
            let result = try gateway.command(["audit", "verify", "--log", "\(folder)/log", "-o", "json"] + more)
            return (result.end, try JSON.parse(result.output))
        }
        #expect(try verify().status == .exited(0))
        let size = try #require(try verify().report["size"]?.integer)
        let bundle = "\(folder)/log/tile/entries/000.p/\(size)"
        var bytes = Array(try #require(FileManager.default.contents(atPath: bundle)))
        var place = 0
        for _ in 0..<index { place += 2 + Int(bytes[place]) << 8 + Int(bytes[place + 1]) }
        let length = Int(bytes[place]) << 8 + Int(bytes[place + 1])
        bytes[place + 2 + length / 2] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: bundle))
        let result = try verify()
        #expect(result.status == .exited(1))
        #expect(result.report["whole"] == false)
        #expect(result.report["first_bad_record"] == .integer(index))
        // The journal beside the copy says the same of the other: the gateway's own files are whole.
        let own = try gateway.command(["audit", "verify", "--state", gateway.state])
        #expect(own.end == .exited(0), "\(own.errors)")
        #expect(own.output.hasSuffix("The log is whole.\n"))
    }

    @Test("No checkpoint goes back or contradicts another, over kills and restarts")
    func restarts() throws {
        let own = try GatewayProcess(
            GatewayProcess.Settings(fields: ["audit.checkpoint_milliseconds": "20", "event_loops": "1"])
        )
        defer { own.stop() }
        let saved = try TestRun.makeDirectory("chain")
        defer { try? FileManager.default.removeItem(atPath: saved) }
        let tenant = try own.makeTenant()
        var last: Int64 = 0
        for round in 0..<6 {
            for digit in 0..<20 { _ = try own.predict(tenant.key, digit) }
            let key = "\(own.state)/audit/log/end-to-end.vkey"
            let result = try own.command(["audit", "checkpoint", "--key", key, "--save", saved, "-o", "json"])
            #expect(result.end == .exited(0), "\(result.errors)")
            let size = try #require(try JSON.parse(result.output)["size"]?.integer)
            #expect(size >= last)
            last = size
            try own.restart(round % 2 == 0 ? .kill : .terminate)
            let verified = try own.command(["audit", "verify", "--state", own.state, "--saved", saved])
            #expect(verified.end == .exited(0), "round \(round): \(verified.errors)")
        }
    }

    @Test("Without its signing key a gateway with a log does not start")
    func lostKey() throws {
        let own = try GatewayProcess()
        defer { own.stop() }
        #expect(try own.terminate() == .exited(0))
        try FileManager.default.removeItem(atPath: "\(own.state)/audit-signing.pem")
        let start = try own.command(["serve", "--config", own.configurationFile])
        #expect(start.end != .exited(0))
        #expect(start.errors.contains("audit-signing.pem cannot be read"))
    }
}
