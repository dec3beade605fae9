// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Synchronization

/// A witness, a server that takes checkpoints and a time-stamping authority, behind one HTTPS port: see
/// Tests/Peers/checkpoint_server.py.
final class CheckpointPeers: Sendable {
    enum Peer: String, Sendable { case witness, take, tsa }

    let directory: String
    let name: String
    private let running: Mutex<ChildProcess?> = Mutex(nil)
    private let port: Mutex<String> = Mutex("0")

    /// - Parameter name: the witness's.
    init(name: String = "witness.example/w1") throws {
        self.name = name
        directory = try TestRun.makeDirectory("checkpoints")
        try start()
    }

    deinit { stop() }

    /// Starts it, again on the port it had.
    func start(_ certificates: Certificates? = nil) throws {
        let certificates = try certificates ?? Certificates.shared
        try? FileManager.default.removeItem(atPath: "\(directory)/port")
        var environment = TestRun.environment
        environment["WITNESS_NAME"] = name
        let child = try ChildProcess(
            "python3",
            [
                "\(TestRun.repository)/Tests/Peers/checkpoint_server.py", directory, certificates.certificate,
                certificates.key, port.withLock { $0 },
            ],
            environment: environment,
            directory: directory
        )
        running.withLock { $0 = child }
        let found = try eventually("a server for checkpoints; it wrote \(child.errors)") {
            if let end = child.end { throw HarnessError("the server ended with \(end): \(child.errors)") }
            return text("port")
        }
        port.withLock { $0 = found }
    }

    func stop() { running.withLock { $0 }?.kill() }

    // MARK: - Its files

    /// What a file holds; nil when it is not there.
    func text(_ file: String) -> String? {
        FileManager.default.contents(atPath: "\(directory)/\(file)").map { String(decoding: $0, as: UTF8.self) }
    }

    func write(_ text: String, to file: String) throws {
        try text.write(toFile: "\(directory)/\(file)", atomically: true, encoding: .utf8)
    }

    /// How one of them behaves; nil is well.
    func set(_ peer: Peer, _ mode: String?) throws {
        if let mode { return try write(mode, to: "\(peer.rawValue).mode") }
        try? FileManager.default.removeItem(atPath: "\(directory)/\(peer.rawValue).mode")
    }

    /// Keeps the answers of one of them back.
    func hold(_ peer: Peer) throws { try write("", to: "\(peer.rawValue).hold") }
    func release(_ peer: Peer) throws {
        try FileManager.default.removeItem(atPath: "\(directory)/\(peer.rawValue).hold")
    }

    /// Lets the witness know the gateway's log.
    func introduce(_ gateway: GatewayProcess) throws {
        let log = "\(gateway.state)/audit/log"
        let names = try FileManager.default.contentsOfDirectory(atPath: log).filter { $0.hasSuffix(".vkey") }
        guard names.count == 1 else { throw HarnessError("\(names) in \(log)") }
        try write(String(contentsOfFile: "\(log)/\(names[0])", encoding: .utf8), to: "log.vkey")
    }

    /// What was answered so far: the peer, the status and the request's content type.
    func answers(_ peer: Peer, _ status: Int) -> Int {
        (text("requests") ?? "").split(separator: "\n").count { $0.hasPrefix("\(peer.rawValue) \(status) ") }
    }

    var key: String { (text("witness.vkey") ?? "").trimmingCharacters(in: .newlines) }
    var url: String { "https://127.0.0.1:\(port.withLock { $0 })" }

    // MARK: - At the gateway

    /// Its entry in the list `audit.witnesses`.
    func witness(authority: String? = nil) throws -> String {
        "    - {key: \"\(key)\", url: \(url)/witness/, ca_file: \(try authority ?? Certificates.shared.authority)}\n"
    }
}

extension GatewayProcess {
    /// Puts more into the section `audit` and has it reloaded; the lists' entries are lines with four spaces before them.
    func send(
        witnesses: [String] = [],
        quorum: Int = 0,
        publish: [String] = [],
        publishSeconds: Int = 1
    ) throws {
        var text = try Self.configuration(models: TestRun.models, state: state)
        text += "  witness_seconds: 1\n  publish_seconds: \(publishSeconds)\n  witness_quorum: \(quorum)\n"
        if !witnesses.isEmpty { text += "  witnesses:\n" + witnesses.joined() }
        if !publish.isEmpty { text += "  publish:\n" + publish.joined() }
        try text.write(toFile: configurationFile, atomically: true, encoding: .utf8)
        let answer = try management().send("POST", "/admin/v1/reload", credential: adminKey, body: "{}")
        guard answer.status == 200 else { throw HarnessError("reload: \(answer.text)") }
    }
}
