// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Identity
import Telemetry

/// `POST /oauth/token`: an access token for an API key (RFC 6749, section 4.4: client credentials).
struct TokenEndpoint {
    let services: Services

    func issue(
        _ form: FormBody,
        to client: (key: APIKey, principal: Principal),
        now: UnixTime
    ) throws(Refusal) -> BlockingOutcome {
        // Read first: whatever is revoked from here on makes the token be checked again.
        let generation = services.directory.generation
        guard client.principal.role == .tenant else {
            throw Refusal(
                .roleForbidden,
                "A key of role \(client.principal.role.rawValue) is shown as it is, on the management listener."
            )
        }
        guard let grant = form["grant_type"] else {
            throw Refusal(.fieldMissing, "grant_type is missing; it must be client_credentials.")
        }
        guard grant == "client_credentials" else {
            throw Refusal(.grantUnsupported, "The only grant_type here is client_credentials.")
        }
        let minted: MintedToken
        let scopes = try scopes(form["scope"], of: client.principal)
        do throws(MintError) {
            minted = try services.minter.mint(for: client.key, scopes: scopes, now: now)
        } catch {
            throw Refusal(.internalError, "The token could not be made.", detail: "\(error)")
        }
        services.metrics.tokensIssued.with(labels: [client.principal.tenant.description])
            .increment(shard: services.metrics.otherShard)
        // RFC 6749, section 5.1.
        let document: JSON = [
            "access_token": .string(minted.text), "token_type": "Bearer", "expires_in": .integer(minted.expiresIn),
            "scope": .string(minted.scopes.description),
        ]
        return BlockingOutcome(
            reply: .json(document),
            principal: minted.principal,
            minted: minted,
            generation: generation
        )
    }

    /// What was asked for, all of it or an error; all that the key allows when nothing was (RFC 6749, section 3.3).
    private func scopes(_ asked: String?, of principal: Principal) throws(Refusal) -> ScopeSet {
        guard let asked else { return principal.scopes }
        let wanted = ScopeSet(asked)
        guard ScopeSet.unknown(in: asked).isEmpty, principal.scopes.isSuperset(of: wanted), !wanted.isEmpty else {
            throw Refusal(.scopeInvalid, "This key can be given: \(principal.scopes).")
        }
        return wanted
    }
}
