// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

struct KeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Issue, list, show and revoke API keys.",
        discussion: """
            EXAMPLES
              tollgate key issue --tenant acme --name ci --models digits
              tollgate key issue --role auditor
              tollgate key list --tenant acme
              tollgate key revoke Ab3dE6gH         it and its tokens are refused from now on
            """,
        subcommands: [Issue.self, List.self, Show.self, Revoke.self]
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
        @Option(help: "Whose key; only for the role tenant.") var tenant: String?
        @Option(help: "tenant, admin, auditor or metrics.") var role = "tenant"
        @Option(help: "For people.") var name = ""
        @Option(help: "Fewer scopes than the role's, separated by spaces.") var scopes: String?
        @Option(help: "Model names, separated by commas; without it all of the plan's.") var models: String?
        @Option(help: "Seconds until it ends; without it never.") var expiresIn: Int64?
        @OptionGroup var options: ManagementOptions

        func run() throws {
            let key = try options.client().call(
                "POST",
                "/admin/v1/keys",
                body: [
                    "tenant": tenant.map(JSON.string) ?? .null, "role": .string(role), "name": .string(name),
                    "scopes": scopes.map(JSON.string) ?? .null,
                    "models": models.map { .array($0.split(separator: ",").map { .string(String($0)) }) } ?? .null,
                    "expires_in_seconds": expiresIn.map(JSON.integer) ?? .null,
                ]
            )
            switch options.output {
            case .json: print(key.serialized())
            case .table: print(key["key"]?.string ?? "")
            }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List keys, without their secrets.",
            discussion: "EXAMPLE\n  tollgate key list --tenant acme"
        )
        @Option(help: "Of this tenant only.") var tenant: String?
        @OptionGroup var options: ManagementOptions

        func run() throws {
            let query = tenant.map { "?tenant=\($0.queryEncoded)" } ?? ""
            let page = try options.client().call("GET", "/admin/v1/keys\(query)")
            options.show(page["keys"]?.array ?? [], columns: KeyCommand.columns)
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a key, without its secret.",
            discussion: "EXAMPLE\n  tollgate key show Ab3dE6gH"
        )
        @Argument(help: "The key's id: the eight characters behind tg_live_.") var id: String
        @OptionGroup var options: ManagementOptions

        func run() throws {
            let key = try options.client().call("GET", "/admin/v1/keys/\(id.queryEncoded)")
            options.show([key], columns: KeyCommand.columns)
        }
    }

    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revoke a key and every token made from it, from the moment the command returns.",
            discussion: "EXAMPLE\n  tollgate key revoke Ab3dE6gH"
        )
        @Argument(help: "The key's id: the eight characters behind tg_live_.") var id: String
        @OptionGroup var options: ManagementOptions

        func run() throws {
            let key = try options.client().call("DELETE", "/admin/v1/keys/\(id.queryEncoded)")
            options.show([key], columns: KeyCommand.columns)
        }
    }
}
