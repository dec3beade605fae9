// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Identity
import Telemetry

/// `POST /oauth/introspect`: whether an access token counts, and what it says (RFC 7662).
///
/// A client may ask about its own tokens, an admin about all. Whatever does not count, or is not theirs, is
/// `{"active":false}` and no more (section 2.2).
struct IntrospectionEndpoint {
    let services: Services

    func introspect(_ form: FormBody, by caller: Principal, now: UnixTime) throws(Refusal) -> Reply {
        guard let text = form["token"] else {
            throw Refusal(.fieldMissing, "token is missing: the access token to look at.")
        }
        let active = try active(text, caller, now: now)
        services.metrics.tokensIntrospected.with(labels: [active == nil ? "false" : "true"])
            .increment(shard: services.metrics.otherShard)
        return .json(active ?? ["active": false])
    }

    /// The members of section 2.2 for a token that counts and that the caller may ask about; else nil.
    private func active(_ text: String, _ caller: Principal, now: UnixTime) throws(Refusal) -> JSON? {
        let authenticator = services.authenticator
        let gated = Array(text.utf8).withUnsafeBytes { authenticator.gate($0) }
        // Whether it counts cannot be known while its issuer's keys cannot be had.
        if case .failure(let refusal) = gated, refusal.code.status >= 500 { throw refusal }
        guard case .success(let token) = gated, case .success(let principal) = authenticator.admit(token, now: now),
            caller.scopes.contains(.admin) || token.isOwn && principal.keyID == caller.keyID
        else { return nil }
        var members = [
            JSON.Member("active", true), JSON.Member("scope", .string(principal.scopes.description)),
            JSON.Member("client_id", .string(principal.clientID)), JSON.Member("token_type", "Bearer"),
        ]
        for name in ["exp", "iat", "nbf", "sub", "aud", "iss", "jti"] {
            if let value = token.claims[name] { members.append(JSON.Member(name, value)) }
        }
        members.append(JSON.Member("tenant", .string(principal.tenant.description)))
        return .object(members)
    }
}
