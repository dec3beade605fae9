// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

struct SigningKeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "signing-key",
        abstract: "List and rotate the keys that sign access tokens.",
        discussion: """
            The next key is published at /.well-known/jwks.json before it signs, and the last one stays there until its
            tokens have ended. The gateway rotates by itself (tokens.rotation_days).

            EXAMPLES
              tollgate signing-key list
              tollgate signing-key rotate
            """,
        subcommands: [List.self, Rotate.self]
    )

    static let columns = [
        (title: "kid", field: "kid"), (title: "algorithm", field: "algorithm"), (title: "state", field: "state"),
        (title: "created", field: "created_at"), (title: "signs since", field: "signs_since"),
        (title: "verifies until", field: "verifies_until"),
    ]

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the published keys: those before, the current and the next one.",
            discussion: "EXAMPLE\n  tollgate signing-key list"
        )
        @OptionGroup var options: ManagementOptions

        func run() throws {
            let answer = try options.client().call("GET", "/admin/v1/signing-keys")
            options.show(answer["keys"]?.array ?? [], columns: SigningKeyCommand.columns)
        }
    }

    struct Rotate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let the next key sign, from the moment the command returns.",
            discussion: """
                Refused while those who cache the key set may not know the next key (tokens.jwks_max_age_seconds).

                EXAMPLES
                  tollgate signing-key rotate
                  tollgate signing-key rotate --immediately --yes
                """
        )
        @Flag(help: "Do not wait for that: others may refuse new tokens until they fetch the key set again.")
        var immediately = false
        @OptionGroup var confirmation: ConfirmationOption
        @OptionGroup var options: ManagementOptions

        func run() throws {
            if immediately {
                try confirmation.ask(
                    "let the next key sign immediately",
                    "Whoever has cached the key set refuses new tokens until they fetch it again."
                )
            }
            let body: JSON = ["immediately": .bool(immediately)]
            let answer = try options.client().call("POST", "/admin/v1/signing-keys", body: body)
            options.show(answer["keys"]?.array ?? [], columns: SigningKeyCommand.columns)
        }
    }
}
