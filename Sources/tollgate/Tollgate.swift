// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Gateway

@main
struct Tollgate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tollgate",
        abstract: "A multi-tenant inference gateway with the model inside it.",
        discussion: """
            EXAMPLES
              tollgate init --state state          make a gateway's state and the first admin key
              tollgate serve                       start with config/gateway.yaml
              tollgate check                       say what is wrong with the configuration
              tollgate reload                      have the running gateway read it again
              tollgate tenant create acme          over the management API
              tollgate key issue --tenant acme
              tollgate audit search --tenant acme --status 429

            The commands that call the management API take its address from TOLLGATE_MANAGEMENT_URL, the authority to
            trust from TOLLGATE_CA, and the key from TOLLGATE_ADMIN_KEY (audit: TOLLGATE_AUDITOR_KEY) or a file.
            Exit codes: 0 done, 1 failed, 2 refused by the gateway, 64 wrong usage, 78 wrong configuration.
            """,
        version: Version.tollgate,
        subcommands: [
            ServeCommand.self, InitCommand.self, CheckCommand.self, ReloadCommand.self, HealthCommand.self,
            TenantCommand.self, PlanCommand.self, KeyCommand.self, TokenCommand.self, SigningKeyCommand.self,
            ModelCommand.self,
            AuditCommand.self,
        ]
    )
}
