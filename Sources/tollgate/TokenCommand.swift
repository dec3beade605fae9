// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Revoke access tokens.",
        discussion: "EXAMPLE\n  tollgate token revoke Yk3v0n1Gq0mX1d4S2b7T8Q --yes",
        subcommands: [Revoke.self]
    )

    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revoke an access token by its jti, from the moment the command returns.",
            discussion: """
                The audit log has the jti of each request's token.

                EXAMPLE
                  tollgate token revoke Yk3v0n1Gq0mX1d4S2b7T8Q --yes
                """
        )
        @Argument(help: "The token's jti.") var jti: String
        @Option(help: "When the token ends, as 2026-11-24T06:13:28Z; without it the revocation is kept for 30 days.")
        var expiresAt: String?
        @OptionGroup var confirmation: ConfirmationOption
        @OptionGroup var options: ManagementOptions

        func run() throws {
            try confirmation.ask("revoke the token '\(jti)'", "It is refused at once, and that cannot be undone.")
            let revoked = try options.client().call(
                "POST",
                "/admin/v1/tokens/revoke",
                body: ["jti": .string(jti), "expires_at": expiresAt.map(JSON.string) ?? .null]
            )
            options.show(
                [revoked],
                columns: [("jti", "jti"), ("until", "remembered_until"), ("generation", "generation")]
            )
        }
    }
}
