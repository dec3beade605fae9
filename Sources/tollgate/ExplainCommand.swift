// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore
import HTTPClient

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
        let response = try client.send(
            "GET",
            "/admin/v1/audit/records?request_id=\(requestId.queryEncoded)&limit=1",
            accept: "application/x-ndjson"
        )
        guard let line = response.body.split(separator: 10).first else {
            throw fail(
                "no record that this key may see has the request id '\(requestId)'; it is in the answer's X-Request-Id"
                    .printable,
                .refused
            )
        }
        guard let found = try? JSON.parse(line), let record = found["record"] else {
            throw fail("the record of the answer is not JSON")
        }
        let id = record["key_id"]?.string
        let key = try id.flatMap { try client.find("/admin/v1/keys/\($0.queryEncoded)") }
        let explanation = Explanation(of: record, index: found["index"]?.integer, keyNow: key)
        options.output.write(
            .object([
                JSON.Member("request_id", .string(requestId)), JSON.Member("index", found["index"] ?? .null),
                JSON.Member("explanation", explanation.json), JSON.Member("record", record),
            ]),
            text: explanation.text
        )
    }
}
