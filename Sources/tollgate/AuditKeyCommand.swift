// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

extension AuditCommand {
    struct DestroyKey: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Destroy the keys under which a tenant's personal fields were written, for good.",
            discussion: """
                With audit.personal_fields: hmac, addresses and subjects are in the log as HMAC under a key of their tenant.
                Without it nobody can tell any more whose they were; the records stay, and still verify. New records get a
                new key. Refused while the tenant is under legal hold.

                EXAMPLES
                  tollgate audit destroy-key --tenant acme --dry-run
                  tollgate audit destroy-key --tenant acme --yes
                """
        )
        @Option(help: "Whose.", completion: .custom(Names.tenants)) var tenant: String
        @OptionGroup var confirmation: ConfirmationOption
        @OptionGroup var rehearsal: DryRunOption
        @OptionGroup var options: ManagementOptions

        func run() throws {
            if !rehearsal.dryRun {
                try confirmation.ask(
                    "destroy the audit keys of '\(tenant)'",
                    "Nobody will be able to find a person's records in what is in the log now, or to tell whose they are."
                )
            }
            try options.change("DELETE", "/admin/v1/tenants/\(tenant.queryEncoded)/audit-key", rehearsal) {
                options.show(
                    [$0],
                    columns: [("tenant", "tenant"), ("destroyed", "destroyed"), ("current", "current")]
                )
            }
        }
    }
}
