// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

struct KeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Issue, list, show, change, limit, rotate and revoke API keys.",
        discussion: """
            EXAMPLES
              tollgate key issue --tenant acme --name ci --models digits
              tollgate key issue --role auditor
              tollgate key list --tenant acme
              tollgate key limits Ab3dE6gH --daily-quota 1000
              tollgate key rotate Ab3dE6gH         a new secret; the old one counts for another day
              tollgate key revoke Ab3dE6gH         it and its tokens are refused from now on
            """,
        subcommands: [Issue.self, List.self, Show.self, Update.self, Limits.self, Rotate.self, Revoke.self]
    )

    static let columns = [
        (title: "id", field: "id"), (title: "tenant", field: "tenant"), (title: "role", field: "role"),
        (title: "state", field: "state"), (title: "scopes", field: "scopes"), (title: "models", field: "models"),
        (title: "created", field: "created_at"), (title: "name", field: "name"),
    ]

    struct Issue: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Issue a key; its text is printed on standard output, once, and kept nowhere.",
            discussion: """
                EXAMPLES
                  tollgate key issue --tenant acme --name ci
                  (umask 077; tollgate key issue --role metrics > metrics.key)
                """
        )
        @Option(help: "Whose key; only for the roles tenant and tenant-admin.", completion: .custom(Names.tenants))
        var tenant: String?
        @Option(help: "tenant, tenant-admin, admin, operator, auditor or metrics.") var role = "tenant"
        @Option(help: "For people.") var name = ""
        @Option(help: "Fewer scopes than the role's, separated by spaces.") var scopes: String?
        @Option(help: "Model names, separated by commas; without it all of the plan's.") var models: String?
        @Option(help: "Addresses and CIDR blocks it may come from, separated by commas; without it anywhere.")
        var networks: String?
        @Option(help: "Seconds until it ends; without it never.") var expiresIn: Int64?
        @OptionGroup var limits: KeyLimitOptions
        @OptionGroup var rehearsal: DryRunOption
        @OptionGroup var idempotency: IdempotencyOption
        @OptionGroup var options: ManagementOptions

        func run() throws {
            try options.change(
                "POST",
                "/admin/v1/keys",
                body: .object(
                    [
                        JSON.Member("tenant", tenant.map(JSON.string) ?? .null), JSON.Member("role", .string(role)),
                        JSON.Member("name", .string(name)),
                        JSON.Member("scopes", scopes.map(JSON.string) ?? .null),
                        JSON.Member("models", models.map(KeyCommand.words) ?? .null),
                        JSON.Member("networks", networks.map(KeyCommand.words) ?? .null),
                        JSON.Member("expires_in_seconds", expiresIn.map(JSON.integer) ?? .null),
                    ] + limits.members
                ),
                headers: idempotency.headers,
                rehearsal
            ) { try KeyCommand.showOnce($0, options) }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List keys, without their secrets.",
            discussion: "EXAMPLE\n  tollgate key list --tenant acme"
        )
        @Option(help: "Of this tenant only.", completion: .custom(Names.tenants)) var tenant: String?
        @Option(help: "Part of the name.") var name: String?
        @Option(help: "active, expired or revoked.") var state: String?
        @Option(help: "Of this role only.") var role: String?
        @OptionGroup var options: ManagementOptions

        func run() throws {
            let keys = try options.client().list(
                "keys",
                "/admin/v1/keys",
                filters: [("tenant", tenant), ("name", name), ("state", state), ("role", role)]
            )
            options.show(keys, columns: KeyCommand.columns)
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a key, without its secret.",
            discussion: "EXAMPLE\n  tollgate key show Ab3dE6gH"
        )
        @Argument(help: "The key's id: the eight characters behind tg_live_.", completion: .custom(Names.keys))
        var id: String
        @OptionGroup var options: ManagementOptions

        func run() throws {
            let key = try options.client().call("GET", "/admin/v1/keys/\(id.queryEncoded)")
            options.show([key], columns: KeyCommand.columns)
        }
    }

    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revoke a key and every token made from it, from the moment the command returns.",
            discussion: "EXAMPLE\n  tollgate key revoke Ab3dE6gH --yes"
        )
        @Argument(help: "The key's id: the eight characters behind tg_live_.", completion: .custom(Names.keys))
        var id: String
        @OptionGroup var confirmation: ConfirmationOption
        @OptionGroup var rehearsal: DryRunOption
        @OptionGroup var revision: RevisionOption
        @OptionGroup var options: ManagementOptions

        func run() throws {
            if !rehearsal.dryRun {
                try confirmation.ask(
                    "revoke the key '\(id)'",
                    "It and every token made from it are refused at once, and that cannot be undone."
                )
            }
            try options.change(
                "DELETE",
                "/admin/v1/keys/\(id.queryEncoded)",
                headers: revision.headers,
                rehearsal
            ) { options.show([$0], columns: KeyCommand.columns) }
        }
    }
}
