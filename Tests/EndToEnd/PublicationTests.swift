// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// Checkpoints that are sent elsewhere: into folders, to servers, to time-stamping authorities.
struct PublicationTests {
    private func folder(_ gateway: GatewayProcess) throws -> String {
        let folder = "\(gateway.directory)/kept"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    private func kept(_ folder: String, _ suffix: String) -> [Int64] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasSuffix(".\(suffix)") }.compactMap { Int64($0.dropLast(suffix.count + 1)) }.sorted()
    }

    private func failures(_ gateway: GatewayProcess, _ kind: String) throws -> Double {
        try gateway.metric("tollgate_audit_delivery_failures_total", "kind=\"\(kind)\"")
    }

    private func awaitFailure(_ gateway: GatewayProcess, _ kind: String, after count: Double = 0) throws {
        _ = try eventually("a failure of \(kind)") { try failures(gateway, kind) > count ? true : nil }
    }

    @Test("A folder gets each checkpoint as a file that the verifier takes, and shows a history that was rewritten")
    func file() throws {
        try withGateway { gateway in
            let folder = try folder(gateway)
            try gateway.send(publish: ["    - file:\(folder)\n"])
            for _ in 0..<2 {
                let index = try #require(try gateway.predict(gateway.makeTenant().key).auditIndex)
                _ = try eventually("a checkpoint over \(index)") {
                    (kept(folder, "checkpoint").last ?? 0) > index ? true : nil
                }
            }
            #expect(kept(folder, "checkpoint").count >= 2)
            #expect(try gateway.metric("tollgate_audit_delivery_size", "kind=\"file\"") > 0)
            let arguments = ["audit", "verify", "--config", gateway.configurationFile, "--saved", folder]
            let verified = try gateway.command(arguments)
            #expect(verified.end == .exited(0), "\(verified.errors)")
            // The folder has another's checkpoint of a size that the log comes to.
            let size = try #require(kept(folder, "checkpoint").last)
            for next in size + 1...size + 200 {
                try "another\n\(next)\nlog\n".write(
                    toFile: "\(folder)/\(next).checkpoint",
                    atomically: true,
                    encoding: .utf8
                )
            }
            _ = try gateway.predict(gateway.makeTenant().key)
            try awaitFailure(gateway, "file")
            _ = try gateway.awaitLog(
                "a checkpoint cannot be sent; it is tried again",
                reason: "holds another checkpoint of as many records"
            )
        }
    }

    @Test("A folder that is not there is not made, and used once it is")
    func missingFolder() throws {
        try withGateway { gateway in
            let folder = "\(gateway.directory)/mount"
            try gateway.send(publish: ["    - file:\(folder)\n"])
            try awaitFailure(gateway, "file")
            #expect(!FileManager.default.fileExists(atPath: folder))
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            _ = try eventually("a checkpoint") { kept(folder, "checkpoint").last }
        }
    }

    @Test("A server is sent the newest checkpoint with its token, again until it takes one")
    func post() throws {
        let peers = try CheckpointPeers()
        try peers.set(.take, "503")
        try withGateway { gateway in
            let token = "\(gateway.directory)/token"
            try "secret-of-the-server\n".write(toFile: token, atomically: true, encoding: .utf8)
            let authority = try Certificates.shared.authority
            let entry = "    - {to: \(peers.url)/take, token_file: \(token), ca_file: \(authority)}\n"
            try gateway.send(publish: [entry])
            try awaitFailure(gateway, "https")
            let index = try #require(try gateway.predict(gateway.makeTenant().key).auditIndex)
            try peers.set(.take, "200")
            let note = try eventually("a checkpoint over \(index)") { () -> String? in
                guard let note = peers.text("taken"), let size = Int64(note.split(separator: "\n")[1]), size > index
                else { return nil }
                return note
            }
            #expect(note.hasPrefix("end-to-end\n") && note.contains("\n\n— end-to-end "))
            #expect(peers.text("taken.authorization") == "Bearer secret-of-the-server")
            #expect(peers.text("requests")?.contains("take 200 text/plain; charset=utf-8") == true)
            // A token that is none, a redirect, a server that nobody trusts.
            try "two words".write(toFile: token, atomically: true, encoding: .utf8)
            let message = "a checkpoint cannot be sent; it is tried again"
            // Only a log that grows has something to send.
            _ = try gateway.management().send("GET", "/livez")
            _ = try gateway.awaitLog(message, reason: "must hold one token")
            try "secret-of-the-server".write(toFile: token, atomically: true, encoding: .utf8)
            try peers.set(.take, "302")
            _ = try gateway.management().send("GET", "/livez")
            _ = try gateway.awaitLog(message, reason: "redirects with status 302")
            try gateway.send(publish: ["    - \(peers.url)/take\n"])
            _ = try gateway.awaitLog(message, reason: "certificate")
            #expect(!gateway.log.contains("secret-of-the-server"))
        }
    }

    // MARK: - Time-stamps

    private func stamping(
        _ peers: CheckpointPeers,
        _ more: String = "",
        _ body: (GatewayProcess, _ folder: String) throws -> Void
    ) throws {
        try withGateway { gateway in
            let authority = try Certificates.shared.authority
            try gateway.send(publish: ["    - {to: \"tsa:\(peers.url)/tsa\", ca_file: \(authority)\(more)}\n"])
            try body(gateway, "\(gateway.state)/audit/checkpoints")
        }
    }

    @Test("An authority's time-stamp of a checkpoint is one that openssl verifies", arguments: [false, true])
    func timestamp(checksSignature: Bool) throws {
        let peers = try CheckpointPeers()
        let more = checksSignature ? ", authorities: \(peers.directory)/tsa-ca.pem" : ""
        try stamping(peers, more) { gateway, folder in
            let size = try eventually("a time-stamp; the log is \(gateway.log.suffix(2000))") {
                kept(folder, "tsr").last
            }
            func verify(_ data: String) throws -> ChildProcess.End {
                let arguments = [
                    "ts", "-verify", "-data", data, "-in", "\(folder)/\(size).tsr", "-CAfile",
                    "\(peers.directory)/tsa-ca.pem",
                ]
                return try ChildProcess.run("openssl", arguments, directory: gateway.directory).end
            }
            #expect(try verify("\(folder)/\(size).checkpoint") == .exited(0))
            let changed = "\(gateway.directory)/changed"
            var bytes = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(size).checkpoint"))
            bytes[0] ^= 1
            try bytes.write(to: URL(fileURLWithPath: changed))
            #expect(try verify(changed) != .exited(0))
            let arguments = ["audit", "verify", "--config", gateway.configurationFile, "--saved", folder]
            #expect(try gateway.command(arguments).end == .exited(0))
        }
    }

    @Test(
        "A time-stamp of something else or for somebody else, a refusal and noise are not kept",
        arguments: [
            ("other", "message imprint mismatch"), ("nonce", "nonce mismatch"),
            ("garbage", "no time-stamp response"), ("500", "answers with status 500"),
        ]
    )
    func wrongTimestamp(mode: String, reason: String) throws {
        let peers = try CheckpointPeers()
        try peers.set(.tsa, mode)
        try stamping(peers) { gateway, folder in
            _ = try gateway.awaitLog("a checkpoint cannot be sent; it is tried again", reason: reason)
            #expect(kept(folder, "tsr").isEmpty)
            try peers.set(.tsa, nil)
            _ = try eventually("a time-stamp") { kept(folder, "tsr").last }
        }
    }

    @Test("A time-stamp whose maker is not one of the authorities is not kept where they are named")
    func strangeAuthority() throws {
        let (peers, others) = (try CheckpointPeers(), try CheckpointPeers())
        try stamping(peers, ", authorities: \(others.directory)/tsa-ca.pem") { gateway, folder in
            _ = try gateway.awaitLog(
                "a checkpoint cannot be sent; it is tried again",
                reason: "answers with a time-stamp that is not right: certificate verify error"
            )
            #expect(kept(folder, "tsr").isEmpty)
        }
    }
}
