// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

/// A limit of the key's own, within its tenant's.
struct KeyRateOptions: ParsableArguments {
    @Option(help: "Requests in each window, within the tenant's limits.") var requests: Int64?
    @Option(help: "The window, in seconds.") var seconds: Int64 = 1
    @Option(help: "Requests that may come at once; without it as many as --requests.") var burst: Int64?

    var json: JSON? {
        requests.map { ["requests": .integer($0), "seconds": .integer(seconds), "burst": .integer(burst ?? $0)] }
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
                """
        )
        @Argument(help: "The key's id: the eight characters behind tg_live_.", completion: .custom(Names.keys))
        var id: String
        @Option(help: "For people.") var name: String?
        @Option(help: "Scopes, separated by spaces.") var scopes: String?
        @Option(help: "Model names, separated by commas, or all.") var models: String?
        @Option(help: "Addresses and CIDR blocks, separated by commas, or any.") var networks: String?
        @Option(help: "Seconds until it ends, or never.") var expiresIn: String?
        @OptionGroup var rate: KeyRateOptions
        @Flag(help: "No limit of its own any more.") var noRate = false
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
            add("rate", noRate ? .null : rate.json)
            try options.change(
                "PATCH",
                "/admin/v1/keys/\(id.queryEncoded)",
                body: .object(members),
                headers: revision.headers,
                rehearsal
            ) { options.show([$0], columns: KeyCommand.columns) }
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
