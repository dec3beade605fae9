// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// Contexts: gateways that somebody works with, and the keys for them.
@Suite(.gateway())
struct CommandContextTests {
    let gateway: GatewayProcess
    /// A home of its own for each test.
    private let home: String

    init() throws {
        gateway = try SharedGateway.gateway
        home = try TestRun.makeDirectory("home")
    }

    private var url: String { "https://127.0.0.1:\(gateway.managementPort)" }
    private var folder: String { "\(home)/tollgate" }

    private func run(
        _ arguments: [String],
        input: String? = nil,
        _ environment: [String: String] = [:]
    ) throws -> (end: ChildProcess.End, output: String, errors: String) {
        var file = "/dev/null"
        if let input {
            file = "\(home)/input-\(TestRun.next())"
            try input.write(toFile: file, atomically: true, encoding: .utf8)
        }
        var all = TestRun.environment
        all["XDG_CONFIG_HOME"] = home
        return try ChildProcess.run(
            TestRun.binary,
            arguments,
            environment: all.merging(environment) { $1 },
            directory: home,
            input: file
        )
    }

    private func login(_ name: String, key: String? = nil) throws -> (
        end: ChildProcess.End, output: String, errors: String
    ) {
        let authority = try Certificates.shared.authority
        let arguments = ["login", "--context", name, "--url", url, "--ca", authority]
        return try run(arguments, input: (key ?? gateway.adminKey) + "\n")
    }

    private func mode(_ path: String) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    @Test("After a login the gateway is known, and the key lies where its owner alone can read it")
    func login() throws {
        let result = try login("production")
        #expect(result.end == .exited(0), "\(result.errors)")
        let id = String(gateway.adminKey.dropFirst(8).prefix(8))
        #expect(result.output == "\(url): accepted the key \(id) of role admin; the current context is 'production'\n")
        #expect(try mode("\(folder)/config.yaml") == 0o600 && mode("\(folder)/keys/production") == 0o600)
        #expect(try mode(folder) == 0o700 && mode("\(folder)/keys") == 0o700)
        let file = try String(contentsOfFile: "\(folder)/config.yaml", encoding: .utf8)
        #expect(file.contains("production") && !file.contains(gateway.adminKey))
        for arguments in [["tenant", "list"], ["tenant", "list", "--context", "production"], ["health"]] {
            let used = try run(arguments)
            #expect(used.end == .exited(0), "\(used.errors)")
        }
    }

    @Test("A key that the gateway refuses is not remembered; one of a small role is")
    func verified() throws {
        let wrong = try login("wrong", key: gateway.adminKey.dropLast() + "0")
        #expect(wrong.end == .exited(77) && wrong.errors.contains("(key_invalid)"))
        #expect(!FileManager.default.fileExists(atPath: folder))
        #expect(try login("none", key: "").end == .exited(64))
        let plain = try run(["login", "--url", "http://127.0.0.1:\(gateway.managementPort)"], input: "x\n")
        #expect(plain.end == .exited(64) && plain.errors.contains("https://"))
        #expect(try login("a/b").end == .exited(64))
        let metrics = try login("metrics", key: gateway.metricsKey())
        #expect(metrics.end == .exited(0), "\(metrics.errors)")
        let auditor = try login("auditor", key: gateway.auditorKey)
        #expect(auditor.output.contains("of role auditor"))
        #expect(try run(["audit", "search", "--limit", "1"]).end == .exited(0))
    }

    @Test("On a terminal the key is asked for and not shown")
    func prompt() throws {
        var environment = TestRun.environment
        environment["XDG_CONFIG_HOME"] = home
        let result = try gateway.command(
            ["login", "--url", url, "--ca", try Certificates.shared.authority],
            environment: environment,
            answering: "Key for \(url): ",
            with: gateway.adminKey + "\n"
        )
        #expect(result.end == .exited(0), "\(result.errors)")
        #expect(!(result.echo + result.output + result.errors).contains(gateway.adminKey))
        #expect(try run(["tenant", "list"]).end == .exited(0))
    }

    @Test("Contexts are listed, shown, chosen and deleted; their keys go with them and are never printed")
    func life() throws {
        #expect(try login("one").end == .exited(0))
        #expect(try login("two", key: gateway.auditorKey).end == .exited(0))
        func listed() throws -> [JSON] {
            try run(["context", "list", "-o", "json"]).output.split(separator: "\n").map { try JSON.parse(String($0)) }
        }
        #expect(try listed().compactMap { $0["name"]?.string } == ["one", "two"])
        #expect(try listed().compactMap { $0["current"]?.bool } == [false, true])
        #expect(try run(["reload"]).end == .exited(77))
        #expect(try run(["reload", "--context", "one"]).end == .exited(0))
        #expect(try run(["context", "use", "one"]).end == .exited(0))
        #expect(try run(["reload"]).end == .exited(0))
        #expect(try run(["context", "use", "three"]).end == .exited(78))
        for form in ["table", "json", "yaml"] {
            let shown = try run(["context", "show", "-o", form]).output
            #expect(shown.contains("one") && shown.contains(url) && !shown.contains("tg_live_"))
        }
        let unconfirmed = try run(["context", "delete", "one"])
        #expect(unconfirmed.end == .exited(64) && unconfirmed.errors.contains("--yes"))
        #expect(try run(["context", "delete", "one", "--yes"]).end == .exited(0))
        #expect(!FileManager.default.fileExists(atPath: "\(folder)/keys/one"))
        #expect(try listed().compactMap { $0["name"]?.string } == ["two"])
        #expect(try run(["context", "show"]).end == .exited(78))
    }

    @Test("The environment and the flags stand over the current context, a named context over the environment")
    func order() throws {
        #expect(try login("auditor", key: gateway.auditorKey).end == .exited(0))
        let admin = ["TOLLGATE_ADMIN_KEY": gateway.adminKey]
        #expect(try run(["reload"], admin).end == .exited(0))
        #expect(try run(["reload", "--context", "auditor"], admin).end == .exited(77))
        let file = "\(home)/admin.key"
        try gateway.adminKey.write(toFile: file, atomically: true, encoding: .utf8)
        #expect(try run(["reload", "--context", "auditor", "--key-file", file]).end == .exited(0))
        let elsewhere = ["TOLLGATE_MANAGEMENT_URL": "https://127.0.0.1:1", "TOLLGATE_ADMIN_KEY": "x"]
        #expect(try run(["tenant", "list"], elsewhere).end == .exited(69))
        #expect(try run(["tenant", "list", "--context", "auditor"], elsewhere).end == .exited(0))
    }

    @Test("The key of a context is never sent to another gateway")
    func elsewhere() throws {
        #expect(try login("one").end == .exited(0))
        for other in [["--url", "https://localhost:\(gateway.managementPort)"], ["--url", "https://127.0.0.1:1"]] {
            let result = try run(["tenant", "list"] + other)
            #expect(result.end == .exited(77) && result.errors.contains("no key for \(other[1])"))
        }
    }

    @Test("A key that others can read is not used, and a damaged file is named with its line")
    func damage() throws {
        #expect(try login("one").end == .exited(0))
        chmod("\(folder)/keys/one", 0o640)
        let open = try run(["tenant", "list"])
        #expect(open.end == .exited(78) && open.errors.contains("keys/one") && open.errors.contains("chmod 600"))
        for (text, word) in [
            ("contexts: [", "not valid YAML"), ("a: b", "'a'"), ("contexts:\n  \"../x\":\n    url: x", ":3:"),
        ] {
            try text.write(toFile: "\(folder)/config.yaml", atomically: true, encoding: .utf8)
            let result = try run(["tenant", "list"])
            #expect(result.end == .exited(78) && result.errors.contains(word), "\(result.errors)")
        }
    }
}
