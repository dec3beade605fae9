// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Search, follow, export and verify the audit log, and hold what must not be pruned.",
        discussion: """
            EXAMPLES
              tollgate audit search --tenant acme --since 2026-11-24 --status 429
              tollgate audit search --request-id 019b1c2e-… --output json
              tollgate audit tail --decision refused
              tollgate audit export --format csv --since 2026-11-01 --until 2026-12-01 > november.csv
              tollgate audit index rebuild --state state
              tollgate audit checkpoint --key tollgate.vkey --save checkpoints
              tollgate audit verify --state state --saved checkpoints
              tollgate audit retention
              tollgate audit hold add --tenant acme --reason "case 4711"
              tollgate audit destroy-key --tenant acme
            """,
        subcommands: [
            Search.self, Tail.self, Export.self, Index.self, Verify.self, Checkpoint.self, Retention.self, Hold.self,
            DestroyKey.self,
        ]
    )

    struct Search: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the records that fit every given field, newest first.",
            discussion: """
                With --output json each line is {"index": …, "record": …}; 'tollgate explain' puts one record in words.

                EXAMPLES
                  tollgate audit search --tenant acme --limit 20
                  tollgate audit search --decision refused --since 2026-11-24T06:00:00Z --until 2026-11-24T07:00:00Z
                  tollgate audit search --words 'resnet50 "10.0.0.7"'
                """
        )
        @OptionGroup var filters: AuditFilters
        @Option(help: "At most so many records.") var limit = 100
        @OptionGroup var options: ManagementOptions

        func validate() throws {
            guard limit > 0 else { throw ValidationError("--limit must be at least 1") }
        }

        func run() throws {
            var pages = AuditPages(try options.client("TOLLGATE_AUDITOR_KEY"), filters.query)
            var found: [AuditPages.Entry] = []
            while found.count < limit, let page = try pages.next(atMost: limit - found.count) { found += page }
            options.show(found.map(\.json), columns: Self.columns)
        }

        static let columns: [(title: String, field: String)] = [
            ("index", "index"), ("time", "record.time"), ("tenant", "record.tenant"), ("key", "record.key_id"),
            ("action", "record.action"), ("status", "record.status"), ("reason", "record.reason"),
            ("model", "record.model"), ("micros", "record.total_us"), ("request id", "record.request_id"),
        ]
    }
}
