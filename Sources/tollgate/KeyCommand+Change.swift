// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

/// Limits of the key's own, within its tenant's.
struct KeyLimitOptions: ParsableArguments {
    @Option(help: "Requests in each window, within the tenant's limits.") var requests: Int64?
    @Option(help: "The window, in seconds.") var seconds: Int64 = 1
    @Option(help: "Requests that may come at once; without it as many as --requests.") var burst: Int64?
    @Option(help: "Requests in a UTC day, within the tenant's limits.") var dailyQuota: Int64?
    @Option(help: "Requests under way at once, within the tenant's limits.") var concurrency: Int64?

    /// Those that are given.
    var members: [JSON.Member] {
        var members: [JSON.Member] = []
        if let requests {
            let burst = JSON.integer(burst ?? requests)
            let rate: JSON = ["requests": .integer(requests), "seconds": .integer(seconds), "burst": burst]
            members.append(JSON.Member("rate", rate))
        }
        if let dailyQuota { members.append(JSON.Member("daily_quota", .integer(dailyQuota))) }
        if let concurrency { members.append(JSON.Member("concurrency", .integer(concurrency))) }
        return members
    }
}

extension KeyCommand {
    /// A list of words that commas divide.
    static func words(_ text: String) -> JSON { .array(text.split(separator: ",").map { .string(String($0)) }) }

    /// Prints the text of a key, which no later answer has.
    static func showOnce(_ key: JSON, _ options: ManagementOptions) throws {
        guard options.output == .table else { return options.show([key], columns: []) }
        guard let text = key["key"]?.string else {
            throw fail(
                "the key \(key["id"]?.string ?? "") was made by an earlier call under this idempotency key, and its "
                    + "text was shown then; rotate it if that answer is lost",
                .refused
            )
        }
        print(text)
    }

    struct Update: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change a key; what is not given stays.",
            discussion: """
                EXAMPLES
                  tollgate key update Ab3dE6gH --networks 192.0.2.0/24,2001:db8::/32
                  tollgate key update Ab3dE6gH --networks any --models all --expires-in never
                  tollgate key update Ab3dE6gH --daily-quota 500 --no-rate
                """
        )
        @Argument(help: "The key's id: the eight characters behind tg_live_.", completion: .custom(Names.keys))
        var id: String
        @Option(help: "For people.") var name: String?
        @Option(help: "Scopes, separated by spaces.") var scopes: String?
        @Option(help: "Model names, separated by commas, or all.") var models: String?
        @Option(help: "Addresses and CIDR blocks, separated by commas, or any.") var networks: String?
        @Option(help: "Seconds until it ends, or never.") var expiresIn: String?
        @OptionGroup var limits: KeyLimitOptions
        @Flag(help: "No rate of its own any more.") var noRate = false
        @Flag(help: "No daily quota of its own any more.") var noDailyQuota = false
        @Flag(help: "No concurrency of its own any more.") var noConcurrency = false
        @OptionGroup var rehearsal: DryRunOption
        @OptionGroup var revision: RevisionOption
        @OptionGroup var options: ManagementOptions

        func run() throws {
            var members: [JSON.Member] = []
            func add(_ name: String, _ value: JSON?) { if let value { members.append(JSON.Member(name, value)) } }
            add("name", name.map(JSON.string))
            add("scopes", scopes.map(JSON.string))
            add("models", models.map { $0 == "all" ? .null : KeyCommand.words($0) })
            add("networks", networks.map { $0 == "any" ? .null : KeyCommand.words($0) })
            add(
                "expires_in_seconds",
                expiresIn.map { $0 == "never" ? .null : Int64($0).map(JSON.integer) ?? .string($0) }
            )
            members += limits.members
            for (name, isGone) in [
                ("rate", noRate), ("daily_quota", noDailyQuota), ("concurrency", noConcurrency),
            ] where isGone {
                members.removeAll { $0.name == name }
                add(name, .null)
            }
            try options.change(
                "PATCH",
                "/admin/v1/keys/\(id.queryEncoded)",
                body: .object(members),
                headers: revision.headers,
                rehearsal
            ) { options.show([$0], columns: KeyCommand.columns) }
        }
    }

    struct Limits: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the limits of a key's own, or set all of them anew.",
            discussion: """
                They lie within its tenant's: a request must pass both. What is not given is no limit of its own. Its models
                are no limit in this sense: 'tollgate key update ID --models …'.

                EXAMPLES
                  tollgate key limits Ab3dE6gH
                  tollgate key limits Ab3dE6gH --requests 5 --burst 20 --daily-quota 1000 --concurrency 2
                  tollgate key limits Ab3dE6gH --reset
                """
        )
        @Argument(help: "The key's id: the eight characters behind tg_live_.", completion: .custom(Names.keys))
        var id: String
        @OptionGroup var limits: KeyLimitOptions
        @Flag(help: "The tenant's limits alone hold.") var reset = false
        @OptionGroup var rehearsal: DryRunOption
        @OptionGroup var revision: RevisionOption
        @OptionGroup var options: ManagementOptions

        func run() throws {
            let path = "/admin/v1/keys/\(id.queryEncoded)/limits"
            func show(_ limits: JSON) {
                options.show(
                    [limits],
                    columns: [
                        ("key", "key"), ("rate", "rate"), ("daily quota", "daily_quota"),
                        ("concurrency", "concurrency"),
                    ]
                )
            }
            let members = limits.members
            guard reset || !members.isEmpty else { return show(try options.client().call("GET", path)) }
            try options.change(
                "PUT",
                path,
                body: .object(reset ? [] : members),
                headers: revision.headers,
                rehearsal,
                show: show
            )
        }
    }

    struct Rotate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give a key a new secret, printed once; its id stays, and the old secret counts for the overlap.",
            discussion: """
                After a leak rotate with --overlap 0: all earlier secrets end at once.

                EXAMPLES
                  tollgate key rotate Ab3dE6gH --overlap 3600
                  tollgate key rotate Ab3dE6gH --overlap 0 --yes
                """
        )
        @Argument(help: "The key's id: the eight characters behind tg_live_.", completion: .custom(Names.keys))
        var id: String
        @Option(help: "Seconds in which the old secret still counts; without it a day.") var overlap: Int64?
        @OptionGroup var confirmation: ConfirmationOption
        @OptionGroup var rehearsal: DryRunOption
        @OptionGroup var revision: RevisionOption
        @OptionGroup var idempotency: IdempotencyOption
        @OptionGroup var options: ManagementOptions

        func run() throws {
            if overlap == 0, !rehearsal.dryRun {
                try confirmation.ask(
                    "rotate the key '\(id)' without an overlap",
                    "All its earlier secrets are refused at once; whoever uses them is locked out."
                )
            }
            try options.change(
                "POST",
                "/admin/v1/keys/\(id.queryEncoded)/rotate",
                body: ["overlap_seconds": overlap.map(JSON.integer) ?? .null],
                headers: revision.headers + idempotency.headers,
                rehearsal
            ) { try KeyCommand.showOnce($0, options) }
        }
    }
}
