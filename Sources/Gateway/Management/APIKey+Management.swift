// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Identity

extension APIKey {
    /// A new key and its text, which only its holder ever has.
    static func issue(
        tenant: TenantID,
        role: Role,
        name: String,
        scopes: ScopeSet,
        models: ModelAccess,
        pepper: Pepper,
        by creator: String,
        expiresAt: UnixTime?,
        now: UnixTime
    ) -> (key: APIKey, text: String) {
        let (id, text) = APIKeyFormat.generate()
        guard let parsed = APIKeyFormat.parse(text.utf8) else {
            preconditionFailure("a generated key has its own form")
        }
        let key = APIKey(
            id: id,
            tenant: tenant,
            role: role,
            name: name,
            scopes: scopes,
            models: models,
            secretHash: pepper.hash(secret: parsed.secret),
            createdAt: now,
            createdBy: creator,
            expiresAt: expiresAt
        )
        return (key, text)
    }

    /// What an admin sees of a key: never its secret nor the secret's hash.
    func json(now: UnixTime, lastUsedAt: UnixTime? = nil) -> JSON {
        let state =
            revokedAt != nil ? "revoked" : expiresAt.map { $0 <= now } == true ? "expired" : "active"
        let retiresAt = retiring.flatMap { $0.endsAt > now ? $0.endsAt : nil }
        func time(_ moment: UnixTime?) -> JSON { moment.map { .string($0.description) } ?? .null }
        return [
            "id": .string(id), "masked": .string(APIKeyFormat.masked(id: id)),
            "tenant": role.isBoundToTenant ? .string(tenant.description) : .null, "role": .string(role.rawValue),
            "name": .string(name), "scopes": .string(scopes.description), "models": models.json,
            "networks": networks.map { .array($0.map { .string($0.description) }) } ?? .null,
            "rate": limits?.rate?.json ?? .null,
            "daily_quota": limits?.dailyQuota.map(JSON.integer) ?? .null,
            "concurrency": limits?.concurrency.map { .integer(Int64($0)) } ?? .null, "state": .string(state),
            "created_at": .string(createdAt.description),
            "created_by": .string(createdBy), "expires_at": time(expiresAt), "revoked_at": time(revokedAt),
            "previous_secret_ends_at": time(retiresAt), "last_used_at": time(lastUsedAt),
            "revision": .integer(revision),
        ]
    }
}
