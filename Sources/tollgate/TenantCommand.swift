// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

struct TenantCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tenant",
        abstract: "Create, list, show, disable, delete and restore tenants, and set their plans and limits.",
        discussion: """
            EXAMPLES
              tollgate tenant create acme --plan standard --display-name "Acme Inc."
              tollgate tenant list
              tollgate tenant set-plan acme unlimited
              tollgate tenant update acme --audit-retention-days 90
              tollgate tenant disable acme         its keys and tokens are refused from now on
              tollgate tenant delete acme --grace 3600     gone in an hour, unless it is restored
              tollgate tenant limits acme --daily-quota unlimited
            """,
        subcommands: [
            Create.self, List.self, Show.self, Update.self, SetPlan.self, Limits.self, Disable.self, Enable.self,
            Delete.self,
            Restore.self,
        ]
    )

    static let columns = [
        (title: "id", field: "id"), (title: "plan", field: "plan"), (title: "disabled", field: "disabled"),
        (title: "created", field: "created_at"), (title: "name", field: "display_name"),
    ]

    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Create a tenant.",
            discussion: "EXAMPLE\n  tollgate tenant create acme --plan standard --display-name \"Acme Inc.\""
        )
        @Argument(help: "1 to 63 of a-z, 0-9 and '-'.") var id: String
        @Option(help: "The plan to put it on.", completion: .custom(Names.plans)) var plan = "standard"
        @Option(help: "For people.") var displayName: String?
        @OptionGroup var rehearsal: DryRunOption
        @OptionGroup var idempotency: IdempotencyOption
        @OptionGroup var options: ManagementOptions

        func run() throws {
            try options.change(
                "POST",
                "/admin/v1/tenants",
                body: [
                    "id": .string(id), "plan": .string(plan), "display_name": displayName.map(JSON.string) ?? .null,
                ],
                headers: idempotency.headers,
                rehearsal
            ) { options.show([$0], columns: TenantCommand.columns) }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the tenants.",
            discussion: "EXAMPLE\n  tollgate tenant list --state suspended --output json"
        )
        @Option(help: "Part of the id or display name.") var name: String?
        @Option(help: "active, suspended or deleting.") var state: String?
        @Option(help: "On this plan.", completion: .custom(Names.plans)) var plan: String?
        @OptionGroup var options: ManagementOptions

        func run() throws {
            let tenants = try options.client().list(
                "tenants",
                "/admin/v1/tenants",
                filters: [("name", name), ("state", state), ("plan", plan)]
            )
            options.show(tenants, columns: TenantCommand.columns)
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a tenant.",
            discussion: "EXAMPLE\n  tollgate tenant show acme"
        )
        @Argument(completion: .custom(Names.tenants)) var id: String
        @OptionGroup var options: ManagementOptions

        func run() throws {
            let tenant = try options.client().call("GET", "/admin/v1/tenants/\(id.queryEncoded)")
            options.show([tenant], columns: TenantCommand.columns)
        }
    }

    struct SetPlan: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a tenant on a plan.",
            discussion: "EXAMPLE\n  tollgate tenant set-plan acme unlimited"
        )
        @Argument(completion: .custom(Names.tenants)) var id: String
        @Argument(completion: .custom(Names.plans)) var plan: String
        @OptionGroup var rehearsal: DryRunOption
        @OptionGroup var revision: RevisionOption
        @OptionGroup var options: ManagementOptions

        func run() throws { try update(id, ["plan": .string(plan)], rehearsal, revision, options) }
    }

    struct Disable: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Refuse a tenant's keys and tokens, from the moment the command returns.",
            discussion: "EXAMPLE\n  tollgate tenant disable acme"
        )
        @Argument(completion: .custom(Names.tenants)) var id: String
        @OptionGroup var rehearsal: DryRunOption
        @OptionGroup var revision: RevisionOption
        @OptionGroup var options: ManagementOptions

        func run() throws { try update(id, ["disabled": true], rehearsal, revision, options) }
    }

    struct Enable: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Accept a disabled tenant again.",
            discussion: "EXAMPLE\n  tollgate tenant enable acme"
        )
        @Argument(completion: .custom(Names.tenants)) var id: String
        @OptionGroup var rehearsal: DryRunOption
        @OptionGroup var revision: RevisionOption
        @OptionGroup var options: ManagementOptions

        func run() throws { try update(id, ["disabled": false], rehearsal, revision, options) }
    }

    static func update(
        _ id: String,
        _ change: JSON,
        _ rehearsal: DryRunOption,
        _ revision: RevisionOption,
        _ options: ManagementOptions
    ) throws {
        try options.change(
            "PATCH",
            "/admin/v1/tenants/\(id.queryEncoded)",
            body: change,
            headers: revision.headers,
            rehearsal
        ) { options.show([$0], columns: columns) }
    }
}
