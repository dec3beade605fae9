// SPDX-License-Identifier: Apache-2.0

import GatewayCore

extension Principal {
    /// Who shows the key itself.
    ///
    /// - Parameter secretEndsAt: when the shown secret ends, if it is the one before the last rotation.
    convenience init(key: APIKey, secretEndsAt: UnixTime? = nil) {
        self.init(
            tenant: key.tenant,
            role: key.role,
            keyID: key.id,
            subject: key.id,
            clientID: key.id,
            issuer: nil,
            tokenID: nil,
            scopes: key.scopes.expanded.intersection(key.role.scopes),
            models: key.models,
            networks: key.networks,
            limits: key.limits,
            notBefore: nil,
            expiresAt: key.expiresAt,
            validUntil: [key.expiresAt, secretEndsAt].compactMap(\.self).min()
        )
    }

    /// Who shows a token that the gateway issued to the key: what both allow.
    ///
    /// The leeway is for clocks that differ, and the key's end is by the gateway's own clock: it gets none.
    convenience init(key: APIKey, claims: AccessTokenClaims, issuer: String, leewaySeconds: Int64) {
        let tokenEnd = claims.expiresAt + leewaySeconds
        self.init(
            tenant: key.tenant,
            role: key.role,
            keyID: key.id,
            subject: claims.subject,
            clientID: claims.clientID,
            issuer: issuer,
            tokenID: claims.tokenID,
            scopes: claims.scopes.intersection(key.scopes).intersection(key.role.scopes),
            models: key.models,
            networks: key.networks,
            limits: key.limits,
            notBefore: claims.notBefore,
            expiresAt: claims.expiresAt,
            validUntil: key.expiresAt.map { min($0, tokenEnd) } ?? tokenEnd
        )
    }
}
