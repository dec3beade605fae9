// SPDX-License-Identifier: Apache-2.0

import GatewayCore

extension GatewayProcess {
    /// Posts a form to `/oauth/ENDPOINT` as a client, by HTTP Basic.
    func oauth(_ endpoint: String, _ caller: TestTenant, _ body: String, on client: Client? = nil) throws -> Answer {
        try (client ?? tenants()).send(
            "POST",
            "/oauth/\(endpoint)",
            headers: [basic(caller.keyID, caller.key), form],
            body: body
        )
    }

    func revoke(token: String, by caller: TestTenant) throws -> Answer {
        try oauth("revoke", caller, "token=\(token)")
    }
}

/// What a JWT says, unverified.
struct Claims {
    private let json: JSON

    init(_ token: String) throws { try self.init(token, part: 1) }

    init(header token: String) throws { try self.init(token, part: 0) }

    private init(_ token: String, part: Int) throws {
        let parts = token.split(separator: ".")
        guard parts.count == 3, let bytes = Base64URL.decode(parts[part].utf8) else {
            throw HarnessError("no JWT: \(token.prefix(20))")
        }
        json = try JSON.parse(bytes)
    }

    subscript(_ name: String) -> JSON? { json[name] }
}
