// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP
import Identity
import Storage

/// `/admin/v1/keys`: issue a key (its text is shown in that answer and never again), list, show, change, rotate and
/// revoke.
struct KeysAPI {
    let services: Services

    /// How long both secrets count after a rotation, unless said otherwise.
    private static let usualOverlap: Int64 = 86_400
    private static let overlaps: ClosedRange<Int64> = 0...7_776_000
    private static let lifetimes: ClosedRange<Int64> = 1...315_360_000

    func answer(_ request: BlockingRequest) throws -> Reply {
        switch (request.route, request.method) {
        case (.keys, .post): return try issue(request)
        case (.keys, _): return try list(request)
        case (.key(let id), .patch): return try update(id, request)
        case (.key(let id), .delete): return try revoke(id, request)
        case (.keyRotate(let id), _): return try rotate(id, request)
        case (.key(let id), _):
            let key = try reach(request).key(id)
            return Reply.json(key.json(now: request.now, lastUsedAt: try lastUse(key))).tagged(key.revision)
        default: preconditionFailure("not a route of keys: \(request.route)")
        }
    }

    private func reach(_ request: BlockingRequest) -> Reach { Reach(request, services.directory) }

    /// The later of what this process saw and what was stored.
    private func lastUse(_ key: APIKey) throws -> UnixTime? {
        try services.directory.lastUse(ofKey: key.id) ?? services.store.lastUse(ofKey: key.id)
    }

    private func list(_ request: BlockingRequest) throws -> Reply {
        let page = try PageRequest(request, filters: ["tenant", "name", "state", "role"], places: 2)
        var query = KeyQuery(now: request.now, limit: page.size + 1)
        let reach = reach(request)
        query.tenant = reach.tenant
        if let name = page["tenant"] {
            guard let id = TenantID(name) else {
                throw Refusal(.notFound, "There is no tenant '\(name.prefix(63))'.")
            }
            query.tenant = try reach.tenant(id, now: request.now).id
        }
        query.name = page["name"]
        query.state = try page.word("state")
        query.role = try page.word("role")
        if let after = page.after {
            guard let time = Int64(after[0]) else {
                throw JSONBody.wrong("page_token", "the next_page_token of the page before")
            }
            query.after = KeyQuery.Place(createdAt: UnixTime(nanoseconds: time), id: after[1])
        }
        return page.reply("keys", try services.store.keys(query)) {
            ["\($0.key.createdAt.nanoseconds)", $0.key.id]
        } json: {
            let lastUsedAt = services.directory.lastUse(ofKey: $0.key.id) ?? $0.lastUsedAt
            return $0.key.json(now: request.now, lastUsedAt: lastUsedAt)
        }
    }

    // MARK: - Issue

    private func issue(_ request: BlockingRequest) throws -> Reply {
        let body = try JSONBody(
            request.body,
            fields: [
                "tenant", "role", "name", "scopes", "models", "networks", "rate", "daily_quota", "concurrency",
                "expires_in_seconds", "expires_at",
            ]
        )
        let role = try role(body, request)
        var (key, text) = APIKey.issue(
            tenant: try tenant(of: role, body, request),
            role: role,
            name: try body.string("name") ?? "",
            scopes: try scopes(body, role) ?? role.scopes.compacted,
            models: try body.models("models"),
            pepper: services.pepper,
            by: request.principal?.keyID ?? "",
            expiresAt: try end(body, request),
            now: request.now
        )
        key.networks = try body.networks("networks")
        key.limits = try body.keyLimits()
        let shown = key.json(now: request.now)
        let location = "/admin/v1/keys/\(key.id)"
        let call = try IdempotentCall(request)
        try services.store.insert(
            key,
            answer: call?.answer(shown, status: 201, location: location, revision: key.revision, now: request.now),
            rehearses: request.isDryRun
        )
        guard !request.isDryRun else {
            // There is no key of that id, nor will be.
            let known = shown.members?.filter { !["id", "masked"].contains($0.name) } ?? []
            return .rehearsal(of: AdminChange(target: "key", before: nil, after: .object(known)))
        }
        services.directory.put(key)
        call?.remember(secret: text, services, now: request.now)
        var reply = Self.reply(text, shown, status: 201)
        reply.fields = [.init(.location, location)]
        reply.change = AdminChange(target: "key/\(key.id)", before: nil, after: shown)
        return reply.tagged(key.revision)
    }

    private func role(_ body: JSONBody, _ request: BlockingRequest) throws(Refusal) -> Role {
        let name = try body.string("role") ?? Role.tenant.rawValue
        let roles = reach(request).isBound ? [Role.tenant] : Role.allCases
        guard let role = Role(rawValue: name), roles.contains(role) else {
            throw JSONBody.wrong("role", "one of \(roles.map(\.rawValue).joined(separator: ", "))")
        }
        return role
    }

    private func tenant(of role: Role, _ body: JSONBody, _ request: BlockingRequest) throws(Refusal) -> TenantID {
        let reach = reach(request)
        guard role.isBoundToTenant else {
            guard body.value("tenant") == nil else {
                throw Refusal(.fieldInvalid, "A key of role \(role.rawValue) belongs to no tenant; leave 'tenant' out.")
            }
            return .system
        }
        guard let name = try body.string("tenant") ?? reach.tenant?.description else {
            throw JSONBody.missing("tenant", "whose key is it?")
        }
        guard let id = TenantID(name), let tenant = try? reach.tenant(id, now: request.now) else {
            throw Refusal(.fieldInvalid, "There is no tenant '\(name.prefix(63))'.")
        }
        if let end = tenant.deletesAt {
            throw Refusal(.conflict, "The tenant '\(id)' is being deleted at \(end); restore it first.")
        }
        return id
    }

    private func scopes(_ body: JSONBody, _ role: Role) throws(Refusal) -> ScopeSet? {
        guard let text = try body.string("scopes") else { return nil }
        let scopes = ScopeSet(text)
        guard ScopeSet.unknown(in: text).isEmpty, !scopes.isEmpty, role.scopes.isSuperset(of: scopes) else {
            throw JSONBody.wrong("scopes", "some of '\(role.scopes)', separated by spaces")
        }
        return scopes
    }

    private func end(_ body: JSONBody, _ request: BlockingRequest) throws(Refusal) -> UnixTime? {
        let seconds = try body.integer("expires_in_seconds", Self.lifetimes)
        guard let moment = try body.time("expires_at") else { return seconds.map { request.now + $0 } }
        guard seconds == nil else { throw JSONBody.wrong("expires_at", "left out where 'expires_in_seconds' is given") }
        return moment
    }

    /// The key's text comes first; it is in no other answer.
    private static func reply(_ text: String, _ shown: JSON, status: Int) -> Reply {
        .json(.object([JSON.Member("key", .string(text))] + (shown.members ?? [])), status: status)
    }

    // MARK: - Change

    private func update(_ id: String, _ request: BlockingRequest) throws -> Reply {
        let before = try reach(request).key(id)
        try request.checkPreconditions(revision: before.revision)
        let body = try JSONBody(
            request.body,
            fields: [
                "name", "scopes", "models", "networks", "rate", "daily_quota", "concurrency", "expires_in_seconds",
                "expires_at",
            ]
        )
        try requireLive(before)
        var after = before
        if let name = try body.string("name") { after.name = name }
        if let scopes = try scopes(body, before.role) { after.scopes = scopes }
        if body.has("models") { after.models = try body.models("models") }
        if body.has("networks") { after.networks = try body.networks("networks") }
        after.limits = try body.keyLimits(over: before.limits)
        if body.has("expires_at") || body.has("expires_in_seconds") { after.expiresAt = try end(body, request) }
        after = try services.store.update(after, expectedRevision: before.revision, rehearses: request.isDryRun)
        guard !request.isDryRun else { return rehearsed(before, after, request) }
        let generation = services.directory.put(after)
        if before.limits != nil, after.limits == nil { services.forgetLimits(ofKeys: [id]) }
        return try changed(before, after, generation, request)
    }

    private func rotate(_ id: String, _ request: BlockingRequest) throws -> Reply {
        let before = try reach(request).key(id)
        try request.checkPreconditions(revision: before.revision)
        let body = try JSONBody(request.body, fields: ["overlap_seconds"])
        let overlap = try body.integer("overlap_seconds", Self.overlaps) ?? Self.usualOverlap
        try requireLive(before)
        // Two secrets count at once and no more; without an overlap all earlier ones end now, as after a leak.
        if overlap > 0, let retiring = before.retiring, retiring.endsAt > request.now {
            throw Refusal(
                .conflict,
                "The key \(id) has two secrets until \(retiring.endsAt); wait, or rotate with 'overlap_seconds' 0 to "
                    + "end both."
            )
        }
        let text = APIKeyFormat.generate(id: id)
        guard let secret = APIKeyFormat.parse(text.utf8)?.secret else {
            preconditionFailure("a generated key has its own form")
        }
        var after = before
        after.secretHash = services.pepper.hash(secret: secret)
        after.retiring =
            overlap > 0 ? APIKey.RetiringSecret(hash: before.secretHash, endsAt: request.now + overlap) : nil
        var expected = after
        expected.revision += 1
        let call = try IdempotentCall(request)
        let shown = expected.json(now: request.now)
        after = try services.store.update(
            after,
            expectedRevision: before.revision,
            answer: call?.answer(shown, status: 200, location: nil, revision: expected.revision, now: request.now),
            rehearses: request.isDryRun
        )
        guard !request.isDryRun else { return rehearsed(before, after, request) }
        services.directory.put(after)
        call?.remember(secret: text, services, now: request.now)
        var reply = Self.reply(text, shown, status: 200)
        reply.change = AdminChange(target: "key/\(id)", before: before.json(now: request.now), after: shown)
        return reply.tagged(after.revision)
    }

    private func revoke(_ id: String, _ request: BlockingRequest) throws -> Reply {
        let before = try reach(request).key(id)
        try request.checkPreconditions(revision: before.revision)
        var after = before
        var generation = services.directory.generation
        if before.revokedAt == nil {
            after = try services.store.revoke(key: id, at: request.now, rehearses: request.isDryRun)
            // From here on every loop refuses the key and its tokens: the generation makes each check again.
            if !request.isDryRun {
                generation = services.directory.put(after)
                if before.limits != nil { services.forgetLimits(ofKeys: [id]) }
            }
        }
        guard !request.isDryRun else { return rehearsed(before, after, request) }
        return try changed(before, after, generation, request)
    }

    private func rehearsed(_ before: APIKey, _ after: APIKey, _ request: BlockingRequest) -> Reply {
        .rehearsal(
            of: AdminChange(
                target: "key/\(after.id)",
                before: before.json(now: request.now),
                after: after.json(now: request.now)
            )
        )
    }

    private func requireLive(_ key: APIKey) throws(Refusal) {
        guard let moment = key.revokedAt else { return }
        throw Refusal(.conflict, "The key \(key.id) was revoked at \(moment), which cannot be undone; issue another.")
    }

    private func changed(
        _ before: APIKey,
        _ after: APIKey,
        _ generation: UInt64,
        _ request: BlockingRequest
    ) throws -> Reply {
        let shown = after.json(now: request.now, lastUsedAt: try lastUse(after))
        var reply = Reply.json(shown.adding("generation", generation))
        reply.change = AdminChange(
            target: "key/\(after.id)",
            before: before.json(now: request.now),
            after: after.json(now: request.now)
        )
        return reply.tagged(after.revision)
    }
}
