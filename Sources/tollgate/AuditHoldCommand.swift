// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

extension AuditCommand {
    struct Retention: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show how long audit records are kept, and from which on they are held.",
            discussion: """
                The policy is audit.retention_days and audit.retention_bytes of the configuration; a tenant's own is set by
                'tollgate tenant update --audit-retention-days'.

                EXAMPLE
                  tollgate audit retention --output json
                """
        )
        @OptionGroup var options: ManagementOptions

        func run() throws {
            let state = try options.client().call("GET", "/admin/v1/audit/retention")
            options.show(
                [state],
                columns: [
                    ("days", "retention_days"), ("bytes", "retention_bytes"), ("first kept", "first_kept"),
                    ("of", "first_kept_at"), ("log size", "log_size"), ("holds", "holds"),
                ]
            )
        }
    }

    struct Hold: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add, list and lift legal holds: nothing under hold is pruned.",
            discussion: """
                EXAMPLES
                  tollgate audit hold add --tenant acme --reason "case 4711"
                  tollgate audit hold list
                  tollgate audit hold remove 1f0c9a2b3c4d5e6f --yes
                """,
            subcommands: [Add.self, List.self, Remove.self]
        )

        static let columns = [
            (title: "id", field: "id"), (title: "tenant", field: "tenant"), (title: "since", field: "created_at"),
            (title: "by", field: "created_by"), (title: "reason", field: "reason"),
        ]

        struct Add: ParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Keep a tenant's audit records, or all, whatever the policy says.",
                discussion: """
                    EXAMPLES
                      tollgate audit hold add --tenant acme --reason "case 4711"
                      tollgate audit hold add --reason "investigation of 2026-11-20"
                    """
            )
            @Option(help: "Whose records; without it all.", completion: .custom(Names.tenants)) var tenant: String?
            @Option(help: "Why, as a case's number; it is in the audit log.") var reason: String
            @OptionGroup var rehearsal: DryRunOption
            @OptionGroup var idempotency: IdempotencyOption
            @OptionGroup var options: ManagementOptions

            func run() throws {
                try options.change(
                    "POST",
                    "/admin/v1/audit/holds",
                    body: ["tenant": tenant.map(JSON.string) ?? .null, "reason": .string(reason)],
                    headers: idempotency.headers,
                    rehearsal
                ) { options.show([$0], columns: Hold.columns) }
            }
        }

        struct List: ParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "List the legal holds.",
                discussion: "EXAMPLE\n  tollgate audit hold list"
            )
            @OptionGroup var options: ManagementOptions

            func run() throws {
                let page = try options.client().call("GET", "/admin/v1/audit/holds")
                options.show(page["holds"]?.array ?? [], columns: Hold.columns)
            }
        }

        struct Remove: ParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Lift a legal hold.",
                discussion: "EXAMPLE\n  tollgate audit hold remove 1f0c9a2b3c4d5e6f --yes"
            )
            @Argument(help: "As 'tollgate audit hold list' shows it.") var id: String
            @OptionGroup var confirmation: ConfirmationOption
            @OptionGroup var rehearsal: DryRunOption
            @OptionGroup var options: ManagementOptions

            func run() throws {
                if !rehearsal.dryRun {
                    try confirmation.ask(
                        "lift the hold '\(id)'",
                        "What it alone has kept is pruned within a minute, as the policy asks."
                    )
                }
                try options.change("DELETE", "/admin/v1/audit/holds/\(id.queryEncoded)", rehearsal) {
                    options.show([$0], columns: Hold.columns)
                }
            }
        }
    }
}
