// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Gateway
import GatewayCore

struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make a gateway's state folder and the first admin key.",
        discussion: """
            Prints the admin key on standard output, once; it is kept nowhere else.

            EXAMPLES
              tollgate init
              (umask 077; tollgate init --state /var/lib/tollgate > admin.key)
            """
    )

    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        let configuration = try options.load()
        do {
            print(try StateDirectory(path: configuration.state).initialise(now: TimeSource.system.now()))
        } catch {
            throw fail("\(error)")
        }
    }
}

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Say what is wrong with the configuration, and start nothing.",
        discussion: """
            Exit code 78 when something is.

            EXAMPLES
              tollgate check
              tollgate check --config /etc/tollgate/gateway.yaml
            """
    )

    @OptionGroup var options: ConfigurationOptions
    @OptionGroup var form: OutputOption

    func run() throws {
        _ = try options.load()
        let place = options.file ?? "the built-in configuration"
        form.output.write(["file": options.file.map(JSON.string) ?? .null, "valid": true], text: "\(place) is fine")
    }
}
