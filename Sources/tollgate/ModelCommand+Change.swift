// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

extension ModelCommand {
    struct Load: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Load what is new in a model's folder; what does not load leaves what serves as it is.",
            discussion: "EXAMPLES\n  tollgate model load digits\n  tollgate model load digits --version 1"
        )
        @Argument(help: "The model's name.") var name: String
        @Option(help: "This version, whatever the version policy says.") var version: Int64?
        @OptionGroup var options: ManagementOptions

        func run() throws { try options.change(name, "load", body: version.map { ["version": .integer($0)] } ?? [:]) }
    }

    struct Unload: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a model out of service, or one version that takes no traffic; requests under way end.",
            discussion: "EXAMPLES\n  tollgate model unload digits --version 1\n  tollgate model unload digits"
        )
        @Argument(help: "The model's name.") var name: String
        @Option(help: "This version alone.") var version: Int64?
        @OptionGroup var options: ManagementOptions

        func run() throws { try options.change(name, "unload", body: version.map { ["version": .integer($0)] } ?? [:]) }
    }

    struct Promote: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a version take the requests that name none, or those of a label; it is loaded before.",
            discussion: """
                EXAMPLES
                  tollgate model promote digits 2
                  tollgate model promote digits 2 --label stable
                  tollgate model promote digits            # the highest version, now and from now on
                """
        )
        @Argument(help: "The model's name.") var name: String
        @Argument(help: "The version; without it the highest loaded one, also when a higher one comes.")
        var version: Int64?
        @Option(help: "Move this label, and nothing else; without a version it is as labels.json has it.")
        var label: String?
        @OptionGroup var options: ManagementOptions

        func run() throws {
            var members = [JSON.Member("version", version.map(JSON.integer) ?? .null)]
            if let label { members.append(JSON.Member("label", .string(label))) }
            try options.change(name, "promote", body: .object(members))
        }
    }

    struct Rollback: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give the traffic back to the version that took it before, and end a canary.",
            discussion: "EXAMPLE\n  tollgate model rollback digits"
        )
        @Argument(help: "The model's name.") var name: String
        @OptionGroup var options: ManagementOptions

        func run() throws { try options.change(name, "rollback") }
    }

    struct CanaryCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "canary",
            abstract: "Send a share of the requests that name no version to another one; it is loaded before.",
            discussion: """
                The share is of the tenants, each of which stays on its side, or with --by request of each tenant's
                requests. What a single tenant has is set by --tenant.

                With a rule the canary ends by itself, by what feedback and traffic say of both versions since it began:
                --promote-if 'accuracy>=0.95' promotes it unless it is significantly worse; --rollback-if takes 'worse'
                (than the stable version, significantly), 'drift>0.25' (population stability index) and 'errors>0.05'
                (significantly), and may be given several times. A canary that is as good is taken for worse in at most
                5 of 100 cases, however often it is looked at. 'tollgate model show' has the figures.

                EXAMPLES
                  tollgate model canary digits 2 --percent 10
                  tollgate model canary digits 2 --percent 10 --promote-if 'accuracy>=0.95' --rollback-if worse
                  tollgate model canary digits 2 --percent 0 --tenant acme=100
                  tollgate model canary digits --end
                """
        )
        @Argument(help: "The model's name.") var name: String
        @Argument(help: "The version that is tried.") var version: Int64?
        @Option(help: "From 0 to 100.") var percent: Int64 = 0
        @Option(help: "tenant or request.") var by = Share.tenant
        @Option(help: "NAME=PERCENT in place of the share; may be given several times.") var tenant: [String] = []
        @Option(help: "accuracy>=NUMBER.") var promoteIf: String?
        @Option(help: "worse, drift>NUMBER or errors>NUMBER; may be given several times.") var rollbackIf: [String] = []
        @Option(help: "Labels of each version before their accuracies are judged; 200 if not given.")
        var minLabels: Int64?
        @Flag(help: "No canary any more.") var end = false
        @OptionGroup var options: ManagementOptions

        enum Share: String, ExpressibleByArgument, CaseIterable { case tenant, request }

        func run() throws {
            if end { return try options.change(name, "canary", method: "DELETE", body: nil) }
            guard let version else { throw fail("name the version that is tried, or give --end", .usage) }
            let shares = try tenant.map { text in
                let parts = text.split(separator: "=", maxSplits: 1)
                guard parts.count == 2, let share = Int64(parts[1]) else {
                    throw fail("--tenant must be NAME=PERCENT, as acme=100", .usage)
                }
                return JSON.Member(String(parts[0]), .integer(share))
            }
            let body: JSON = [
                "version": .integer(version), "percent": .integer(percent), "by": .string(by.rawValue),
                "tenants": .object(shares), "rule": try rule(),
            ]
            try options.change(name, "canary", method: "PUT", body: body)
        }

        /// The API's rule; null without a condition.
        private func rule() throws -> JSON {
            var members: [JSON.Member] = []
            if let promoteIf {
                guard let accuracy = Self.number(promoteIf, behind: "accuracy>=") else {
                    throw fail("--promote-if must be accuracy>=NUMBER, as 'accuracy>=0.95'", .usage)
                }
                members.append(JSON.Member("promote_accuracy", .double(accuracy)))
            }
            for condition in rollbackIf {
                if condition == "worse" {
                    members.append(JSON.Member("rollback_worse", true))
                } else if let drift = Self.number(condition, behind: "drift>") {
                    members.append(JSON.Member("rollback_drift", .double(drift)))
                } else if let errors = Self.number(condition, behind: "errors>") {
                    members.append(JSON.Member("rollback_errors", .double(errors)))
                } else {
                    throw fail("--rollback-if must be worse, drift>NUMBER or errors>NUMBER, as 'drift>0.25'", .usage)
                }
            }
            guard Set(members.map(\.name)).count == members.count else {
                throw fail("--rollback-if has a condition twice", .usage)
            }
            guard !members.isEmpty else {
                guard minLabels == nil else { throw fail("--min-labels needs a --promote-if or --rollback-if", .usage) }
                return .null
            }
            if let minLabels { members.append(JSON.Member("min_labels", .integer(minLabels))) }
            return .object(members)
        }

        private static func number(_ text: String, behind prefix: String) -> Double? {
            let text = text.filter { $0 != " " }
            return text.hasPrefix(prefix)
                ? Double(text.dropFirst(prefix.count)).flatMap { $0.isFinite ? $0 : nil } : nil
        }
    }
}
