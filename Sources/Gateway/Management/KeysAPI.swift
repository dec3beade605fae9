// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP
import Identity
import Storage

/// `/admin/v1/keys`: issue a key (its text is shown in that answer and never again), list, show and revoke.
struct KeysAPI {
    let services: Services

    func answer(_ request: BlockingRequest) throws -> Reply {
        switch (request.route, request.method) {
        case (.keys, .post): return try issue(request)
        case (.keys, _): return try list(request)
        case (.key(let id), .delete): return try revoke(id, request)
        case (.key(let id), _): return .json(try key(id).json(now: request.now))
        default: preconditionFailure("not a route of keys: \(request.route)")
        }
    }

    private func key(_ id: String) throws(Refusal) -> APIKey {
        guard let key = services.directory.key(id) else { throw Refusal(.notFound, "There is no key '\(id)'.") }
        return key
    }

    private func list(_ request: BlockingRequest) throws(Refusal) -> Reply {
        guard let query = FormBody((request.query ?? "").utf8), query.names.allSatisfy({ $0 == "tenant" }) else {
            throw Refusal(.fieldInvalid, "The only parameter here is 'tenant'.")
        }
        var tenants = services.directory.tenants().map(\.id)
        if let name = query["tenant"] {
            guard let id = TenantID(name), tenants.contains(id) else {
                throw Refusal(.notFound, "There is no tenant '\(name.prefix(63))'.")
            }
            tenants = [id]
        }
        let keys = tenants.flatMap { services.directory.keys(of: $0) }.sorted { $0.createdAt < $1.createdAt }
        return .json(["keys": .array(keys.map { $0.json(now: request.now) })])
    }

    private func issue(_ request: BlockingRequest) throws -> Reply {
        let body = try JSONBody(
            request.body,
            fields: ["tenant", "role", "name", "scopes", "models", "expires_in_seconds"]
        )
        let roleName = try body.string("role") ?? Role.tenant.rawValue
        guard let role = Role(rawValue: roleName) else {
            throw JSONBody.wrong("role", "one of \(Role.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        var tenant = TenantID.system
        if role == .tenant {
            guard let name = try body.string("tenant") else { throw JSONBody.missing("tenant", "whose key is it?") }
            guard let id = TenantID(name), id != .system, services.directory.tenant(id) != nil else {
                throw Refusal(.fieldInvalid, "There is no tenant '\(name.prefix(63))'.")
            }
            tenant = id
        } else if body.value("tenant") != nil {
            throw Refusal(.fieldInvalid, "A key of role \(role.rawValue) belongs to no tenant; leave 'tenant' out.")
        }
        var scopes = role.scopes
        if let text = try body.string("scopes") {
            scopes = ScopeSet(text)
            guard ScopeSet.unknown(in: text).isEmpty, !scopes.isEmpty, role.scopes.isSuperset(of: scopes) else {
                throw JSONBody.wrong("scopes", "some of '\(role.scopes)', separated by spaces")
            }
        }
        let (key, text) = APIKey.issue(
            tenant: tenant,
            role: role,
            name: try body.string("name") ?? "",
            scopes: scopes,
            models: try body.models("models"),
            pepper: services.pepper,
            by: request.principal?.keyID ?? "",
            expiresAt: try body.integer("expires_in_seconds", 1...315_360_000).map { request.now + $0 },
            now: request.now
        )
        try services.store.insert(key)
        services.directory.put(key)
        let shown = key.json(now: request.now)
        var reply = Reply.json(.object([JSON.Member("key", .string(text))] + (shown.members ?? [])), status: 201)
        reply.fields = [.init(.location, "/admin/v1/keys/\(key.id)")]
        reply.change = AdminChange(target: "key/\(key.id)", before: nil, after: shown)
        return reply
    }

    private func revoke(_ id: String, _ request: BlockingRequest) throws -> Reply {
        let before = try key(id)
        var after = before
        if before.revokedAt == nil {
            after = try services.store.revoke(key: id, at: request.now)
            // From here on every loop refuses the key and its tokens: the generation makes each check again.
            services.directory.put(after)
        }
        var reply = Reply.json(after.json(now: request.now))
        reply.change = AdminChange(
            target: "key/\(id)",
            before: before.json(now: request.now),
            after: after.json(now: request.now)
        )
        return reply
    }
}

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
    func json(now: UnixTime) -> JSON {
        let state =
            revokedAt != nil ? "revoked" : expiresAt.map { $0 <= now } == true ? "expired" : "active"
        return [
            "id": .string(id), "masked": .string(APIKeyFormat.masked(id: id)),
            "tenant": role == .tenant ? .string(tenant.description) : .null, "role": .string(role.rawValue),
            "name": .string(name), "scopes": .string(scopes.description), "models": models.json,
            "state": .string(state), "created_at": .string(createdAt.description), "created_by": .string(createdBy),
            "expires_at": expiresAt.map { .string($0.description) } ?? .null,
            "revoked_at": revokedAt.map { .string($0.description) } ?? .null,
        ]
    }
}
