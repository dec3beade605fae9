// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore
import HTTPClient

struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Search and verify the audit log.",
        discussion: """
            EXAMPLES
              tollgate audit search --tenant acme --since 2026-11-24 --status 429
              tollgate audit search --request-id 019b1c2e-… --output json
              tollgate audit checkpoint --key tollgate.vkey --save checkpoints
              tollgate audit verify --state state --saved checkpoints
            """,
        subcommands: [Search.self, Verify.self, Checkpoint.self]
    )

    struct Search: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the records that fit every given field, newest first.",
            discussion: """
                With --output json each line is {"index": …, "record": …}.

                EXAMPLES
                  tollgate audit search --tenant acme --limit 20
                  tollgate audit search --decision refused --since 2026-11-24T06:00:00Z --until 2026-11-24T07:00:00Z
                """
        )
        @Option(help: "A tenant's id.") var tenant: String?
        @Option(help: "A key's id.") var key: String?
        @Option(help: "The X-Request-Id of a response.") var requestId: String?
        @Option(help: "A model's name.") var model: String?
        @Option(help: "An HTTP status.") var status: String?
        @Option(help: "A reason code, as rate_exceeded.") var reason: String?
        @Option(help: "allowed or refused.") var decision: String?
        @Option(help: "A deed, as predict or key.revoke.") var action: String?
        @Option(help: "From this time on: 2026-11-24 or 2026-11-24T06:13:28Z.") var since: String?
        @Option(help: "Before this time.") var until: String?
        @Option(help: "At most so many records, up to 1000.") var limit = 100
        @OptionGroup var options: ManagementOptions

        func run() throws {
            let fields: [(String, String?)] = [
                ("tenant", tenant), ("key_id", key), ("request_id", requestId), ("model", model), ("status", status),
                ("reason", reason), ("decision", decision), ("action", action), ("since", since), ("until", until),
                ("limit", String(limit)),
            ]
            let query = fields.compactMap { name, value in value.map { "\(name)=\($0.queryEncoded)" } }
            let response = try options.client("TOLLGATE_AUDITOR_KEY").send(
                "GET",
                "/admin/v1/audit/records?" + query.joined(separator: "&"),
                accept: "application/x-ndjson"
            )
            switch options.output {
            case .json: print(response.text, terminator: "")
            case .table:
                var table = Table([
                    ("index", "index"), ("time", "record.time"), ("tenant", "record.tenant"),
                    ("key", "record.key_id"), ("action", "record.action"), ("status", "record.status"),
                    ("reason", "record.reason"), ("model", "record.model"), ("micros", "record.total_us"),
                    ("request id", "record.request_id"),
                ])
                for line in response.body.split(separator: 10) {
                    do {
                        table.add(try JSON.parse(line))
                    } catch {
                        throw fail("a record of the answer is not JSON: \(error)")
                    }
                }
                print(table.description)
            }
        }
    }
}
