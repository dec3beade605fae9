// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// What the audit commands look for: records that fit every given field.
struct AuditFilters: ParsableArguments {
    @Option(help: "A tenant's id.") var tenant: String?
    @Option(help: "A key's id.") var key: String?
    @Option(help: "Who acted: a token's sub, or a key's id.") var subject: String?
    @Option(help: "The address that it came from.") var source: String?
    @Option(help: "The X-Request-Id of a response.") var requestId: String?
    @Option(help: "A model's name.") var model: String?
    @Option(help: "A model's version.") var modelVersion: String?
    @Option(help: "An HTTP status.") var status: String?
    @Option(help: "A reason code, as rate_exceeded.") var reason: String?
    @Option(help: "allowed or refused.") var decision: String?
    @Option(help: "A deed, as predict or key.revoke.") var action: String?
    @Option(help: "Words, or phrases in double quotes, that the record must have.") var words: String?
    @Option(help: "From this time on: 2026-11-24 or 2026-11-24T06:13:28Z.") var since: String?
    @Option(help: "Before this time.") var until: String?

    /// As a query of the management API.
    var query: [(name: String, value: String)] {
        let fields = [
            ("tenant", tenant), ("key_id", key), ("subject", subject), ("source", source), ("request_id", requestId),
            ("model", model), ("model_version", modelVersion), ("status", status), ("reason", reason),
            ("decision", decision), ("action", action), ("q", words), ("since", since), ("until", until),
        ]
        return fields.compactMap { name, value in value.map { (name, $0) } }
    }
}
