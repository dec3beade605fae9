// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

extension TenantCommand {
    struct Delete: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete a tenant: its keys and tokens are refused at once, and it is gone when the grace ends.",
            discussion:
                "EXAMPLES\n  tollgate tenant delete acme --dry-run\n  tollgate tenant delete acme --grace 3600 --yes"
        )
        @Argument(completion: .custom(Names.tenants)) var id: String
        @Option(help: "Seconds in which it can be restored; without it a week.") var grace: Int64?
        @OptionGroup var confirmation: ConfirmationOption
        @OptionGroup var rehearsal: DryRunOption
        @OptionGroup var revision: RevisionOption
        @OptionGroup var options: ManagementOptions

        func run() throws {
            if !rehearsal.dryRun {
                let time = grace.map { "\($0) s" } ?? "a week"
                try confirmation.ask(
                    "delete the tenant '\(id)'",
                    "Its keys and tokens are refused at once; after \(time) it is gone with all its keys."
                )
            }
            let query = grace.map { "?grace_seconds=\($0)" } ?? ""
            try options.change(
                "DELETE",
                "/admin/v1/tenants/\(id.queryEncoded)\(query)",
                headers: revision.headers,
                rehearsal
            ) { options.show([$0], columns: TenantCommand.endColumns) }
        }
    }

    struct Restore: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a deletion back while its grace lasts.",
            discussion: "EXAMPLE\n  tollgate tenant restore acme"
        )
        @Argument(completion: .custom(Names.tenants)) var id: String
        @OptionGroup var rehearsal: DryRunOption
        @OptionGroup var revision: RevisionOption
        @OptionGroup var options: ManagementOptions

        func run() throws {
            try options.change(
                "POST",
                "/admin/v1/tenants/\(id.queryEncoded)/restore",
                body: .object([]),
                headers: revision.headers,
                rehearsal
            ) { options.show([$0], columns: TenantCommand.endColumns) }
        }
    }

    private static let endColumns = [
        (title: "id", field: "id"), (title: "state", field: "state"), (title: "gone at", field: "deletes_at"),
    ]
}

extension TenantCommand {
    struct Limits: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what holds for a tenant over its plan, or set all of it anew.",
            discussion: """
                What is not given is the plan's; 'unlimited' (for models 'all') lifts the plan's limit.

                EXAMPLES
                  tollgate tenant limits acme
                  tollgate tenant limits acme --requests 500 --burst 1000 --daily-quota unlimited
                  tollgate tenant limits acme --reset
                """
        )
        @Argument(completion: .custom(Names.tenants)) var id: String
        @Option(help: "Requests in each window, or unlimited.") var requests: String?
        @Option(help: "The window, in seconds.") var seconds: Int64 = 1
        @Option(help: "Requests that may come at once; without it as many as --requests.") var burst: Int64?
        @Option(help: "Requests in a UTC day, or unlimited.") var dailyQuota: String?
        @Option(help: "Requests under way at once, or unlimited.") var concurrency: String?
        @Option(help: "Model names, separated by commas, or all.") var models: String?
        @Flag(help: "The plan holds as it is.") var reset = false
        @OptionGroup var rehearsal: DryRunOption
        @OptionGroup var revision: RevisionOption
        @OptionGroup var options: ManagementOptions

        func run() throws {
            let path = "/admin/v1/tenants/\(id.queryEncoded)/limits"
            let isChange = reset || [requests, dailyQuota, concurrency, models].contains { $0 != nil }
            func show(_ limits: JSON) {
                options.show(
                    [limits],
                    columns: [
                        ("tenant", "tenant"), ("plan", "plan"), ("overrides", "overrides"), ("effective", "effective"),
                    ]
                )
            }
            guard isChange else { return show(try options.client().call("GET", path)) }
            try options.change("PUT", path, body: change, headers: revision.headers, rehearsal, show: show)
        }

        private var change: JSON {
            var rate = requests.map(Self.limit)
            if case .integer(let number)? = rate {
                rate = ["requests": .integer(number), "seconds": .integer(seconds), "burst": .integer(burst ?? number)]
            }
            return [
                "rate": rate ?? .null, "daily_quota": dailyQuota.map(Self.limit) ?? .null,
                "concurrency": concurrency.map(Self.limit) ?? .null, "models": models.map(Self.models) ?? .null,
            ]
        }

        /// What is no number is sent as it is, for the gateway to judge.
        private static func limit(_ text: String) -> JSON { Int64(text).map(JSON.integer) ?? .string(text) }

        private static func models(_ text: String) -> JSON {
            text == "all" ? .string(text) : .array(text.split(separator: ",").map { .string(String($0)) })
        }
    }
}
