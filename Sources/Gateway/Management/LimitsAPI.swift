// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP
import Identity
import Limits
import Storage

/// `/admin/v1/tenants/{tenant}/limits` and `/admin/v1/keys/{key}/limits`: what holds over the plan's limits, for one
/// tenant or within it for one key.
struct LimitsAPI {
    let services: Services

    func answer(_ request: BlockingRequest) throws -> Reply {
        switch (request.route, request.method) {
        case (.tenantLimits(let id), .put): return try put(tenant: id, request)
        case (.tenantLimits(let id), _):
            let tenant = try Reach(request, services.directory).tenant(id, now: request.now)
            return Reply.json(try json(tenant)).tagged(tenant.revision)
        case (.keyLimits(let id), .put): return try put(key: id, request)
        case (.keyLimits(let id), _):
            let key = try Reach(request, services.directory).key(id)
            return Reply.json(Self.json(key)).tagged(key.revision)
        default: preconditionFailure("not a route of limits: \(request.route)")
        }
    }

    private func put(tenant id: TenantID, _ request: BlockingRequest) throws -> Reply {
        let before = try Reach(request, services.directory).tenant(id, now: request.now)
        try request.checkPreconditions(revision: before.revision)
        let body = try JSONBody(request.body, fields: ["rate", "daily_quota", "concurrency", "models"])
        var after = before
        after.overrides = try body.overrides()
        let plan = try plan(of: after)
        after = try services.store.update(after, expectedRevision: before.revision, rehearses: request.isDryRun)
        let change = AdminChange(target: "tenant/\(id)", before: before.json, after: after.json)
        guard !request.isDryRun else { return .rehearsal(of: change) }
        services.assign(plan, to: after)
        services.directory.put(after)
        var reply = Reply.json(try json(after))
        reply.change = change
        return reply.tagged(after.revision)
    }

    private func put(key id: String, _ request: BlockingRequest) throws -> Reply {
        let before = try Reach(request, services.directory).key(id)
        try request.checkPreconditions(revision: before.revision)
        let body = try JSONBody(request.body, fields: ["rate", "daily_quota", "concurrency", "models"])
        guard !body.has("models") else {
            throw Refusal(
                .fieldInvalid,
                "A key's models are not among its limits; set 'models' by PATCH of /admin/v1/keys/\(id)."
            )
        }
        var after = before
        after.limits = try body.keyLimits()
        after = try services.store.update(after, expectedRevision: before.revision, rehearses: request.isDryRun)
        let change = AdminChange(
            target: "key/\(id)",
            before: before.json(now: request.now),
            after: after.json(now: request.now)
        )
        guard !request.isDryRun else { return .rehearsal(of: change) }
        services.directory.put(after)
        if before.limits != nil, after.limits == nil { services.forgetLimits(ofKeys: [id]) }
        var reply = Reply.json(Self.json(after))
        reply.change = change
        return reply.tagged(after.revision)
    }

    private func plan(of tenant: Tenant) throws -> Plan {
        guard let plan = try services.store.plan(tenant.plan) else {
            throw Refusal(.notFound, "The tenant's plan '\(tenant.plan)' does not exist.")
        }
        return plan
    }

    private func json(_ tenant: Tenant) throws -> JSON {
        let own = try plan(of: tenant).overridden(by: tenant.overrides)
        return [
            "tenant": .string(tenant.id.description), "plan": .string(tenant.plan.description),
            "overrides": tenant.overrides?.json ?? .object([]),
            "effective": .object(own.json.members?.filter { !["name", "revision"].contains($0.name) } ?? []),
            "revision": .integer(tenant.revision),
        ]
    }

    private static func json(_ key: APIKey) -> JSON {
        .object(
            [JSON.Member("key", .string(key.id))] + (key.limits ?? KeyLimits()).json
                + [JSON.Member("revision", .integer(key.revision))]
        )
    }
}
