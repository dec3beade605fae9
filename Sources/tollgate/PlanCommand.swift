// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "List, show, set and delete plans: the limits and models that tenants are put on.",
        discussion: """
            EXAMPLES
              tollgate plan list
              tollgate plan set small --requests 10 --seconds 1 --burst 20 --daily-quota 10000 --models digits
            """,
        subcommands: [List.self, Show.self, Set.self, Delete.self]
    )

    static let columns = [
        (title: "name", field: "name"), (title: "requests", field: "rate.requests"),
        (title: "per s", field: "rate.seconds"),
        (title: "burst", field: "rate.burst"), (title: "daily", field: "daily_quota"),
        (title: "at once", field: "concurrency"), (title: "models", field: "models"),
        (title: "weight", field: "weight"),
    ]

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the plans.",
            discussion: "EXAMPLE\n  tollgate plan list"
        )
        @OptionGroup var options: ManagementOptions

        func run() throws {
            let page = try options.client().call("GET", "/admin/v1/plans")
            options.show(page["plans"]?.array ?? [], columns: PlanCommand.columns)
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a plan.",
            discussion: "EXAMPLE\n  tollgate plan show small"
        )
        @Argument(completion: .custom(Names.plans)) var name: String
        @OptionGroup var options: ManagementOptions

        func run() throws {
            let plan = try options.client().call("GET", "/admin/v1/plans/\(name.queryEncoded)")
            options.show([plan], columns: PlanCommand.columns)
        }
    }

    struct Delete: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete a plan that no tenant is on.",
            discussion: "EXAMPLE\n  tollgate plan delete small --yes"
        )
        @Argument(completion: .custom(Names.plans)) var name: String
        @OptionGroup var confirmation: ConfirmationOption
        @OptionGroup var rehearsal: DryRunOption
        @OptionGroup var revision: RevisionOption
        @OptionGroup var options: ManagementOptions

        func run() throws {
            if !rehearsal.dryRun {
                try confirmation.ask("delete the plan '\(name)'", "It cannot be brought back, only set anew.")
            }
            try options.change(
                "DELETE",
                "/admin/v1/plans/\(name.queryEncoded)",
                headers: revision.headers,
                rehearsal
            ) { options.show([$0], columns: PlanCommand.columns) }
        }
    }

    struct Set: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a plan, or replace it for all tenants on it at once; what is not given has no limit.",
            discussion: "EXAMPLE\n  tollgate plan set small --requests 10 --burst 20 --daily-quota 10000"
        )
        @Argument(completion: .custom(Names.plans)) var name: String
        @Option(help: "Requests in each window; without it there is no rate limit.") var requests: Int64?
        @Option(help: "The window, in seconds.") var seconds: Int64 = 1
        @Option(help: "Requests that may come at once; without it as many as --requests.") var burst: Int64?
        @Option(help: "Requests in a UTC day.") var dailyQuota: Int64?
        @Option(help: "Requests under way at once.") var concurrency: Int64?
        @Option(
            help: "Share of the machine where more is asked than it can do, from 1 to 100, beside the other tenants'."
        )
        var weight: Int64 = 1
        @Option(help: "Model names, separated by commas; without it all.") var models: String?
        @OptionGroup var rehearsal: DryRunOption
        @OptionGroup var revision: RevisionOption
        @OptionGroup var options: ManagementOptions

        func run() throws {
            let body: JSON = [
                "rate": requests.map {
                    ["requests": .integer($0), "seconds": .integer(seconds), "burst": .integer(burst ?? $0)]
                } ?? .null,
                "daily_quota": dailyQuota.map(JSON.integer) ?? .null,
                "concurrency": concurrency.map(JSON.integer) ?? .null, "weight": .integer(weight),
                "models": models.map { .array($0.split(separator: ",").map { .string(String($0)) }) } ?? .null,
            ]
            try options.change(
                "PUT",
                "/admin/v1/plans/\(name.queryEncoded)",
                body: body,
                headers: revision.headers,
                rehearsal
            ) { options.show([$0], columns: PlanCommand.columns) }
        }
    }
}
