// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

extension TenantCommand {
    struct Update: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change a tenant's name, or how long its audit records are kept.",
            discussion: """
                Days are counted from a record's time. 'forever' keeps the tenant's records whatever the gateway's policy,
                'default' makes that count again.

                EXAMPLES
                  tollgate tenant update acme --audit-retention-days 90
                  tollgate tenant update acme --audit-retention-days forever
                  tollgate tenant update acme --display-name "Acme Inc."
                """
        )
        @Argument(completion: .custom(Names.tenants)) var id: String
        @Option(help: "For people.") var displayName: String?
        @Option(
            help: "Days for which its audit records are kept, forever, or default: the gateway's policy.",
            completion: .list(["default", "forever"])
        )
        var auditRetentionDays: String?
        @OptionGroup var rehearsal: DryRunOption
        @OptionGroup var revision: RevisionOption
        @OptionGroup var options: ManagementOptions

        func validate() throws {
            guard displayName != nil || auditRetentionDays != nil else {
                throw ValidationError("give --display-name or --audit-retention-days")
            }
        }

        func run() throws {
            var change: [JSON.Member] = []
            if let displayName { change.append(JSON.Member("display_name", .string(displayName))) }
            if let auditRetentionDays {
                change.append(JSON.Member("audit_retention_days", Self.days(auditRetentionDays)))
            }
            try options.change(
                "PATCH",
                "/admin/v1/tenants/\(id.queryEncoded)",
                body: .object(change),
                headers: revision.headers,
                rehearsal
            ) { options.show([$0], columns: TenantCommand.columns + [("audit days", "audit_retention_days")]) }
        }

        /// What is no number is sent as it is, for the gateway to judge.
        private static func days(_ text: String) -> JSON {
            switch text {
            case "default": .null
            case "forever": .integer(0)
            default: Int64(text).map(JSON.integer) ?? .string(text)
            }
        }
    }
}
