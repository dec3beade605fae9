// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Identity
import Storage
import Telemetry

/// `POST /oauth/revoke`: an access token counts no more (RFC 7009), on every connection and after every restart, before
/// the answer leaves.
struct RevocationEndpoint {
    let services: Services

    func revoke(_ form: FormBody, by client: APIKey, now: UnixTime) throws -> Reply {
        guard let text = form["token"] else {
            throw Refusal(.fieldMissing, "token is missing: the access token to revoke.")
        }
        guard !text.hasPrefix("tg_") else {
            throw Refusal(.tokenTypeUnsupported, "Access tokens are revoked here; an admin revokes API keys.")
        }
        // token_type_hint says nothing that the token does not say itself, and may be ignored (section 2.1).
        let token: GatedToken
        switch Array(text.utf8).withUnsafeBytes({ services.authenticator.gate($0) }) {
        case .success(let found): token = found
        // It may count once its issuer's keys are there again.
        case .failure(let refusal) where refusal.code.status >= 500: throw refusal
        // "invalid tokens do not cause an error response": it counts already for nothing (section 2.2).
        case .failure: return Self.done
        }
        guard token.isOwn else {
            throw Refusal(.tokenTypeUnsupported, "The token is of another issuer, who alone can revoke it.")
        }
        guard let id = token.claims["jti"]?.string, let end = token.claims["exp"]?.integer else { return Self.done }
        guard token.claims["client_id"]?.string == client.id else {
            throw Refusal(.tokenForeign, "The token was issued to another client, who alone can revoke it.")
        }
        let expiresAt = UnixTime(seconds: end)
        let leeway = Int64(services.configuration.tokens.leewaySeconds)
        guard expiresAt + leeway > now, !services.directory.isRevoked(token: id) else { return Self.done }
        // On disk first: what was answered holds after a crash.
        try services.store.revoke(token: id, until: expiresAt)
        services.directory.revoke(token: id, until: expiresAt)
        services.metrics.tokensRevoked.with(labels: [client.tenant.description])
            .increment(shard: services.metrics.otherShard)
        var reply = Self.done
        reply.change = AdminChange(
            target: "token/\(id)",
            before: ["revoked": false],
            after: ["revoked": true, "expires_at": .string(expiresAt.description)]
        )
        return reply
    }

    /// Clients look at the status alone (section 2.2).
    private static var done: Reply { .json(JSON.object([])) }
}

extension Services {
    /// Forgets revoked tokens that are refused for their age by now.
    func forgetRevokedTokens() {
        let moment = time.now() + -Int64(configuration.tokens.leewaySeconds)
        do {
            try store.purgeRevokedTokens(expiredBefore: moment)
            directory.forgetRevokedTokens(expiredBefore: moment)
        } catch {
            log.error("revoked tokens that ended cannot be forgotten", ["error": .string("\(error)")])
        }
    }
}
