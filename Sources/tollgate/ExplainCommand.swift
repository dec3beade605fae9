// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say in words why a request was allowed or refused, from its audit record.",
        discussion: """
            Who asked, by which key or token; what was asked; what was decided, why, and what to do about it; the limits
            as they stood; the configuration that decided; the times. An auditor's key is needed, or a tenant-admin's for
            the tenant's own requests.

            EXAMPLES
              tollgate explain 019b1c2e-7d3a-7c11-9f0e-2b8f4f6d1a55
              tollgate explain 019b1c2e-7d3a-7c11-9f0e-2b8f4f6d1a55 --output yaml
            """
    )
    @Argument(help: "The X-Request-Id of the response.") var requestId: String
    @OptionGroup var options: ManagementOptions

    func run() throws {
        let client = try options.client("TOLLGATE_AUDITOR_KEY")
        var pages = AuditPages(client, [("request_id", requestId)])
        var found: AuditPages.Entry?
        // A page may be empty and have another behind it.
        while found == nil, let page = try pages.next(atMost: 1) { found = page.first }
        guard let found else {
            throw fail(
                "no record that this key may see has the request id '\(requestId)'; it is in the answer's X-Request-Id"
                    .visible,
                .refused
            )
        }
        let record = found.record
        let id = record["key_id"]?.string
        let key = try id.flatMap { try client.find("/admin/v1/keys/\($0.queryEncoded)") }
        let explanation = Explanation(of: record, index: Int64(clamping: found.index), keyNow: key)
        options.output.write(
            .object([
                JSON.Member("request_id", .string(requestId)), JSON.Member("index", found.json["index"] ?? .null),
                JSON.Member("explanation", explanation.json), JSON.Member("record", record),
            ]),
            text: explanation.text
        )
    }
}
