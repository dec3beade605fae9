// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GatewayCore

extension AuditCommand {
    struct Tail: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the last records, then each new one as it comes; Ctrl-C ends it.",
            discussion: """
                When the gateway cannot be reached it is tried again until it can, and goes on behind the last record
                shown: none is left out or shown twice. --from goes on where an earlier run ended.

                EXAMPLES
                  tollgate audit tail --tenant acme
                  tollgate audit tail --decision refused --output json
                  tollgate audit tail --from 123456 --output json >> audit.ndjson
                """
        )
        @OptionGroup var filters: AuditFilters
        @Option(name: [.customShort("n"), .long], help: "So many records that are there already.") var lines = 10
        @Option(help: "Show all from this index on, in place of the last ones.") var from: UInt64?
        @Option(help: "Seconds between two looks.") var interval = 1.0
        @Flag(help: "End when all that is there was shown.") var noFollow = false
        @OptionGroup var options: ManagementOptions

        func validate() throws {
            guard lines >= 0 else { throw ValidationError("--lines must not be negative") }
            guard (0.05...3600).contains(interval) else {
                throw ValidationError("--interval must be from 0.05 to 3600")
            }
        }

        func run() throws {
            let client = try options.client("TOLLGATE_AUDITOR_KEY")
            let output = try AuditOutput(nil)
            var next = from
            if next == nil {
                let (last, end) = try repeating { try lastRecords(client) }
                for entry in last { try show(entry, output) }
                next = end
            }
            var position = next ?? 0
            while true {
                try repeating { try follow(client, from: &position, output) }
                if noFollow { return }
                Thread.sleep(forTimeInterval: interval)
            }
        }

        /// The last records that fit, oldest first, and the index to go on from.
        private func lastRecords(_ client: ManagementClient) throws -> (last: [AuditPages.Entry], next: UInt64) {
            var pages = AuditPages(client, filters.query)
            var found: [AuditPages.Entry] = []
            var next: UInt64?
            repeat {
                guard let page = try pages.next(atMost: max(1, lines - found.count)) else { break }
                // Of the first page: what comes later is shown by following.
                next = next ?? pages.indexed ?? page.first.map { $0.index + 1 }
                found += page
            } while found.count < lines
            let end = max(next ?? 0, found.first.map { $0.index + 1 } ?? 0)
            return (Array(found.prefix(lines).reversed()), end)
        }

        /// Shows what fits from the position on, and moves it behind all that was looked at.
        private func follow(_ client: ManagementClient, from position: inout UInt64, _ output: AuditOutput) throws {
            var query = filters.query + [("order", "oldest")]
            if position > 0 { query.append(("after", String(position - 1))) }
            var pages = AuditPages(client, query)
            var indexed: UInt64?
            while let page = try pages.next() {
                // As it was before the first page: what came since may have been passed over by no page yet.
                indexed = indexed ?? pages.indexed
                for entry in page where entry.index >= position {
                    try show(entry, output)
                    position = entry.index + 1
                }
            }
            position = max(position, indexed ?? 0)
        }

        /// Tries again, more and more seldom, as long as the gateway cannot be reached; a refusal ends it.
        private func repeating<Value>(_ body: () throws -> Value) throws -> Value {
            var pause = 1.0
            while true {
                do {
                    return try body()
                } catch let code as ExitCode where Self.passes(code) && !noFollow {
                    Thread.sleep(forTimeInterval: pause)
                    pause = min(pause * 2, 15)
                }
            }
        }

        /// Whether the same may go later: the gateway cannot be reached, or says so itself.
        private static func passes(_ code: ExitCode) -> Bool {
            [FailureCode.unreachable, .later].contains { $0.rawValue == code.rawValue }
        }

        /// Writes a line at once: whoever reads a pipe must see it when it comes.
        private func show(_ entry: AuditPages.Entry, _ output: AuditOutput) throws {
            switch options.output {
            case .json: return try output.write(Array("\(entry.line)\n".utf8))
            case .yaml: return try output.write(Array("---\n\(YAMLText(entry.json).text)".utf8))
            case .table: break
            }
            let record = entry.record
            func text(_ name: String) -> String { record[name]?.string ?? "-" }
            let status = record["status"]?.integer.map { "\($0)" } ?? "-"
            let count = record["count"]?.integer.map { " ×\($0)" } ?? ""
            let fields = [
                "\(entry.index)", text("time"), status, text("reason") + count, text("action"), text("tenant"),
                text("key_id"), text("model"), record["source"]?["address"]?.string ?? "-", text("request_id"),
            ]
            try output.write(Array((fields.map(\.visible).joined(separator: "  ") + "\n").utf8))
        }
    }
}
