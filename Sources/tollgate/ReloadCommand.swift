// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Have the gateway read its configuration again, and say whether it took.",
        discussion: """
            All of the new configuration is taken or nothing: when a certificate does not fit its key, or a field changed
            that only a restart changes, the one before stays in force and the reason is printed (exit code 2). SIGHUP
            does the same and leaves the answer in the log. The file, the environment and the flags are those that the
            gateway was started with.

            EXAMPLE
              tollgate check && tollgate reload
            """
    )

    @OptionGroup var options: ManagementOptions

    func run() throws {
        let answer = try options.client().call("POST", "/admin/v1/reload", body: [:])
        let changed = (answer["changed"]?.array ?? []).compactMap(\.string)
        let what = changed.isEmpty ? "nothing differs" : "changed \(changed.joined(separator: ", "))"
        options.output.write(answer, text: "generation \(answer["generation"]?.integer ?? 0): \(what)")
    }
}
