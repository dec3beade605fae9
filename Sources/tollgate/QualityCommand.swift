// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

extension ModelCommand {
    struct QualityCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "quality",
            abstract: "Show accuracy, calibration and drift of a model's versions, as feedback and traffic have them.",
            discussion: """
                A row for each version, and with --tenants for each of its tenants. Labels count in the window in which they
                came. Drift is the largest population stability index against the version's reference: below 0.1 is stable,
                above 0.25 a shift.

                EXAMPLES
                  tollgate model quality digits
                  tollgate model quality digits --window 24h --tenants
                  tollgate model quality digits --version 2 --output json     # every figure
                """
        )
        @Argument(help: "The model's name.") var name: String
        @Option(help: "5m, 1h or 24h.") var window = Window.hour
        @Option(help: "This version alone.") var version: Int64?
        @Option(help: "This tenant alone, beside the sums.", completion: .custom(Names.tenants)) var tenant: String?
        @Flag(help: "A row for each tenant, too.") var tenants = false
        @OptionGroup var options: ManagementOptions

        enum Window: String, ExpressibleByArgument, CaseIterable {
            case fiveMinutes = "5m"
            case hour = "1h"
            case day = "24h"
        }

        func run() throws {
            var query = "window=\(window.rawValue)"
            if let version { query += "&version=\(version)" }
            if let tenant { query += "&tenant=\(tenant.queryEncoded)" }
            let client = try options.client()
            let report = try client.call("GET", "/admin/v1/models/\(name.queryEncoded)/quality?\(query)")
            guard options.output == .table else { return options.output.write([report], columns: []) }
            options.show(
                (report["versions"]?.array ?? []).flatMap(rows),
                columns: [
                    ("version", "version"), ("tenant", "tenant"), ("predictions", "predictions"), ("labels", "labels"),
                    ("accuracy", "accuracy"), ("from", "accuracy_low"), ("to", "accuracy_high"),
                    ("calibration error", "calibration_error"), ("mae", "mae"), ("drift", "largest_drift"),
                    ("errors", "errors"),
                ]
            )
        }

        private func rows(_ version: JSON) -> [JSON] {
            func row(_ tenant: String, _ windows: JSON?) -> JSON? {
                guard case .object(let members)? = windows?.array?.first else { return nil }
                let largest = members.first { $0.name == "drift" }?.value.members?.compactMap {
                    $0.value["psi"]?.number
                }
                .max()
                let shown = members.map { member -> JSON.Member in
                    guard case .double(let value) = member.value else { return member }
                    return JSON.Member(member.name, .double((value * 10_000).rounded() / 10_000))
                }
                return .object(
                    [JSON.Member("version", version["version"] ?? .null), JSON.Member("tenant", .string(tenant))]
                        + shown
                        + [
                            JSON.Member(
                                "largest_drift",
                                largest.map { .double(($0 * 10_000).rounded() / 10_000) } ?? .null
                            )
                        ]
                )
            }
            var rows = [row("all", version["windows"])]
            if tenants || tenant != nil {
                for one in version["tenants"]?.array ?? [] {
                    rows.append(row(one["tenant"]?.string ?? "", one["windows"]))
                }
            }
            return rows.compactMap(\.self)
        }
    }
}
