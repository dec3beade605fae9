// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Identity
import Storage

/// Revokes an access token by its `jti`: `DELETE /admin/v1/tokens/{jti}`, or `POST /admin/v1/tokens/revoke` for those of
/// outside issuers, whose `jti` may be any text.
struct TokensAPI {
    let services: Services

    /// How long a revocation is remembered when nobody says when the token ends. The gateway's own live for a day at most.
    private static let usualSeconds: Int64 = 30 * 86_400

    func revoke(_ request: BlockingRequest) throws -> Reply {
        var id: String
        var end: UnixTime?
        switch request.route {
        case .tokenRevocation(let name): id = name
        default:
            let body = try JSONBody(request.body, fields: ["jti", "expires_at"])
            guard let name = try body.string("jti"), !name.isEmpty else {
                throw JSONBody.missing("jti", "the id of the token")
            }
            id = name
            end = try body.time("expires_at")
        }
        // It goes into the record: a key or token pasted here by mistake must not.
        guard !id.hasPrefix("tg_"), id.split(separator: ".", omittingEmptySubsequences: false).count != 3 else {
            throw JSONBody.wrong("jti", "the id of a token (its claim 'jti'), not a key or a token itself")
        }
        let until = end ?? request.now + Self.usualSeconds
        try services.store.revoke(token: id, until: until)
        let generation = services.directory.revoke(token: id, until: until)
        let json: JSON = ["jti": .string(id), "remembered_until": .string(until.description)]
        var reply = Reply.json(json.adding("generation", generation))
        reply.change = AdminChange(target: "token/\(id)", before: nil, after: json)
        return reply
    }
}
