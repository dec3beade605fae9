// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// What the shells offer behind `tollgate`.
@Suite(.gateway())
struct CommandCompletionTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    private func script(_ shell: String) throws -> String {
        let result = try gateway.command(["--generate-completion-script", shell])
        #expect(result.end == .exited(0), "\(result.errors)")
        let file = "\(gateway.directory)/completion.\(shell)"
        try result.output.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }

    private static func isThere(_ program: String) -> Bool {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(program)")
        }
    }

    @Test("There is a script for each shell, which the shell can read", arguments: ["bash", "zsh", "fish"])
    func scripts(_ shell: String) throws {
        let file = try script(shell)
        let text = try String(contentsOfFile: file, encoding: .utf8)
        for word in ["tenant", "context", "explain", "dry-run"] { #expect(text.contains(word)) }
        if Self.isThere(shell) {
            let read = try ChildProcess.run(shell, ["-n", file], directory: gateway.directory)
            #expect(read.end == .exited(0), "\(read.errors)")
        }
    }

    /// What bash offers for the last of these words.
    private func offers(_ words: [String], _ changes: [String: String] = [:]) throws -> [String] {
        let file = try script("bash")
        let folder = URL(fileURLWithPath: TestRun.binary).deletingLastPathComponent().path
        let line = words.joined(separator: " ")
        let program = """
            PATH='\(folder)':$PATH
            . '\(file)'
            COMP_WORDS=(\(words.map { "'\($0)'" }.joined(separator: " ")))
            COMP_CWORD=\(words.count - 1)
            COMP_LINE='\(line)'
            COMP_POINT=\(line.count)
            COMP_TYPE=9
            _tollgate tollgate '\(words.last ?? "")' '\(words.dropLast().last ?? "")'
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        let environment = try gateway.commandEnvironment().merging(changes) { $1 }
        let result = try ChildProcess.run(
            "bash",
            ["-c", program],
            environment: environment,
            directory: gateway.directory
        )
        #expect(result.errors == "", "nothing may land in the line that is being typed")
        return result.output.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    }

    @Test("Commands and options are offered", .enabled(if: isThere("bash")))
    func words() throws {
        #expect(try offers(["tollgate", "ten"]) == ["tenant"])
        #expect(try offers(["tollgate", "tenant", "re"]) == ["restore"])
        #expect(try offers(["tollgate", "tenant", "delete", "--dr"]).contains("--dry-run"))
        #expect(try offers(["tollgate", "key", "limits", "--daily"]) == ["--daily-quota"])
        #expect(try offers(["tollgate", "tenant", "list", "--output", ""]) == ["table", "json", "yaml"])
    }

    @Test(
        "The gateway's own names are offered, to who may see them, and nothing else is said",
        .enabled(if: isThere("bash"))
    )
    func names() throws {
        let tenant = try gateway.makeTenant()
        try gateway.admin("PUT", "/plans/offered", ["daily_quota": 1])
        #expect(try offers(["tollgate", "tenant", "show", ""]).contains(tenant.id))
        #expect(try offers(["tollgate", "tenant", "show", tenant.id]) == [tenant.id])
        #expect(try offers(["tollgate", "plan", "show", "offe"]) == ["offered"])
        #expect(try offers(["tollgate", "key", "revoke", String(tenant.keyID.prefix(6))]) == [tenant.keyID])
        let nobody = ["TOLLGATE_ADMIN_KEY": "wrong"]
        #expect(try offers(["tollgate", "tenant", "show", ""], nobody) == [])
        #expect(
            try offers(["tollgate", "tenant", "show", ""], ["TOLLGATE_MANAGEMENT_URL": "https://127.0.0.1:1"]) == []
        )
    }
}
