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
              tollgate explain 019b1c2e-…          say in words why a request got its answer
              tollgate login --url https://gateway.example.net:9443 --ca certs/ca.pem

            The commands that call the management API take its address from --url, TOLLGATE_MANAGEMENT_URL or the current
            context ('tollgate login' makes one), the authority to trust from --ca, TOLLGATE_CA or the context, and the key
            from --key-file, TOLLGATE_ADMIN_KEY (audit and explain: TOLLGATE_AUDITOR_KEY) or the context, in this order.
            --context NAME stands over the environment. What cannot be taken back is asked for on a terminal and needs
            --yes elsewhere; --dry-run shows a change's effect.

            Completion: tollgate --generate-completion-script bash (zsh, fish); names come from the gateway.

            \(FailureCode.help)
            """,
        version: Version.tollgate,
        subcommands: [
            ServeCommand.self, InitCommand.self, CheckCommand.self, ReloadCommand.self, HealthCommand.self,
            TenantCommand.self, PlanCommand.self, KeyCommand.self, TokenCommand.self, SigningKeyCommand.self,
            ModelCommand.self,
            AuditCommand.self, ExplainCommand.self, LoginCommand.self, ContextCommand.self,
        ]
    )
}
