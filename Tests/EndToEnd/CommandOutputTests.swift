// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// What commands print and how they end, for people and for scripts.
@Suite(.gateway())
struct CommandOutputTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    private func output(_ arguments: [String]) throws -> String {
        let result = try gateway.command(arguments)
        #expect(result.end == .exited(0), "\(arguments): \(result.errors)")
        return result.output
    }

    /// What a reader of YAML that is not ours takes the text for.
    private func parse(yaml: String) throws -> [JSON] {
        let file = "\(gateway.directory)/\(TestRun.next()).yaml"
        try yaml.write(toFile: file, atomically: true, encoding: .utf8)
        let program = """
            import json, sys, yaml
            for document in yaml.safe_load_all(open(sys.argv[1], encoding="utf-8")): print(json.dumps(document))
            """
        let result = try ChildProcess.run("python3", ["-c", program, file], directory: gateway.directory)
        guard result.end == .exited(0) else { throw HarnessError("\(result.errors)\n\(yaml)") }
        return try result.output.split(separator: "\n").map { try JSON.parse(String($0)) }
    }

    private static let hasPyYAML =
        (try? ChildProcess.run("python3", ["-c", "import yaml"], directory: NSTemporaryDirectory()))?.end == .exited(0)

    @Test(
        "YAML holds what JSON holds, whatever a tenant is called",
        .enabled(if: hasPyYAML, "python3 has no PyYAML"),
        arguments: [
            "plain", "yes", "Null", "12", "0x1f", "1e3", "2026-11-24", "a: b", "- a", "# a", "'a\"", "  a  ", "a\\nb",
            "é\u{2028}x",
            "tab\tbell\u{7}", "{a}", "&a *b !c", "%", "@", "`", "=", "~", "🦀", "\u{202e}txt", "12:30:45",
            "\u{e0041}\u{9b}",
        ]
    )
    func yaml(_ name: String) throws {
        let id = "tenant-\(TestRun.next())"
        try gateway.admin("POST", "/tenants", ["id": .string(id), "display_name": .string(name)])
        let json = try output(["tenant", "show", id, "-o", "json"])
        let yaml = try output(["tenant", "show", id, "-o", "yaml"])
        #expect(try parse(yaml: yaml) == [JSON.parse(json.trimmingCharacters(in: .newlines))])
        #expect(try parse(yaml: yaml).first?["display_name"]?.string == name)
        for text in [json, yaml] {
            #expect(!text.unicodeScalars.contains { $0 != "\n" && $0.properties.generalCategory == .control })
            #expect(!text.unicodeScalars.contains { $0.properties.generalCategory == .format })
        }
    }

    @Test("A list is a document an object, with lists and objects within", .enabled(if: hasPyYAML))
    func lists() throws {
        _ = try output(["plan", "set", "listed", "--requests", "3", "--models", "digits,digits-onnx"])
        let yaml = try parse(yaml: try output(["plan", "list", "-o", "yaml"]))
        let json = try output(["plan", "list", "-o", "json"]).split(separator: "\n").map { try JSON.parse(String($0)) }
        #expect(yaml == json && yaml.count >= 2)
        #expect(try output(["key", "list", "--name", "nobody has this name", "-o", "yaml"]) == "")
    }

    @Test("What no table shows is said in every form: health, check, reload, search")
    func everywhere() throws {
        let health = try JSON.parse(try output(["health", "-o", "json"]).trimmingCharacters(in: .newlines))
        #expect(health["ready"] == true)
        let check = try output(["check", "--config", gateway.configurationFile, "-o", "yaml"])
        #expect(check.contains("valid: true\n"))
        #expect(try output(["reload", "-o", "yaml"]).contains("generation: "))
        #expect(try output(["audit", "search", "--limit", "1", "-o", "yaml"]).contains("record:\n  "))
        let key = try output(["key", "issue", "--role", "metrics", "-o", "yaml"])
        #expect(key.hasPrefix("key: tg_live_"))
    }

    @Test("Exit codes tell a script what to do")
    func exitCodes() throws {
        func end(_ arguments: [String], _ changes: [String: String] = [:]) throws -> ChildProcess.End {
            let environment = try gateway.commandEnvironment().merging(changes) { $1 }
            return try ChildProcess.run(
                TestRun.binary,
                arguments,
                environment: environment,
                directory: gateway.directory
            ).end
        }
        #expect(try end(["tenant", "list"]) == .exited(0))
        #expect(try end(["tenant", "show", "nobody"]) == .exited(2))
        #expect(try end(["tenant", "list", "-o", "xml"]) == .exited(64))
        #expect(try end(["tenant", "list", "--key-file", "/nowhere"]) == .exited(66))
        #expect(try end(["tenant", "list"], ["TOLLGATE_MANAGEMENT_URL": "https://127.0.0.1:1"]) == .exited(69))
        #expect(try end(["tenant", "list"], ["TOLLGATE_CA": ""]) == .exited(69), "an authority that is not trusted")
        #expect(try end(["health", "--url", "https://127.0.0.1:1"]) == .exited(69))
        #expect(try end(["tenant", "list"], ["TOLLGATE_ADMIN_KEY": ""]) == .exited(77))
        #expect(try end(["tenant", "list"], ["TOLLGATE_ADMIN_KEY": "tg_live_nonsense"]) == .exited(77))
        #expect(try end(["reload"], ["TOLLGATE_ADMIN_KEY": gateway.auditorKey]) == .exited(77))
        #expect(try end(["tenant", "list", "--context", "nowhere"]) == .exited(78))
        let help = try output(["--help"])
        for code in ["0 done", "1 failed", "2 refused", "64 ", "66 ", "69 ", "73 ", "75 ", "77 ", "78 "] {
            #expect(help.replacing("\n", with: " ").contains(code), "the help does not explain \(code)")
        }
    }
}
