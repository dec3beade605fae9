// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP
import Identity
import Limits
import Storage

/// `/admin/v1/tenants`: create, list, show, change, suspend, delete with a grace, and restore tenants.
struct TenantsAPI {
    let services: Services

    /// A week, in which a deletion can be taken back.
    private static let usualGrace: Int64 = 604_800

    func answer(_ request: BlockingRequest) throws -> Reply {
        switch (request.route, request.method) {
        case (.tenants, .post): return try create(request)
        case (.tenants, _): return try list(request)
        case (.tenant(let id), .patch): return try update(id, request)
        case (.tenant(let id), .delete): return try delete(id, request)
        case (.tenantRestore(let id), _): return try restore(id, request)
        case (.tenant(let id), _):
            let tenant = try Reach(request, services.directory).tenant(id, now: request.now)
            return Reply.json(tenant.json).tagged(tenant.revision)
        default: preconditionFailure("not a route of tenants: \(request.route)")
        }
    }

    private func list(_ request: BlockingRequest) throws -> Reply {
        let page = try PageRequest(request, filters: ["name", "state", "plan"], places: 1)
        var query = TenantQuery(limit: page.size + 1)
        query.only = Reach(request, services.directory).tenant
        query.name = page["name"]
        query.state = try page.word("state")
        query.after = page.after?.first
        if let text = page["plan"] {
            guard let name = PlanName(text) else { throw JSONBody.wrong("plan", "the name of a plan") }
            query.plan = name
        }
        return page.reply("tenants", try services.store.tenants(query)) {
            [$0.id.description]
        } json: {
            $0.json
        }
    }

    private func create(_ request: BlockingRequest) throws -> Reply {
        let body = try JSONBody(request.body, fields: ["id", "display_name", "plan"])
        guard let name = try body.string("id") else { throw JSONBody.missing("id", "a name for the tenant") }
        guard let id = TenantID(name), id != .system else {
            throw JSONBody.wrong("id", "1 to 63 of a-z, 0-9 and '-', and not 'system'")
        }
        let plan = try plan(try body.string("plan") ?? "standard")
        let tenant = Tenant(
            id: id,
            displayName: try body.string("display_name") ?? name,
            plan: plan.name,
            createdAt: request.now
        )
        let location = "/admin/v1/tenants/\(id)"
        let answer = try IdempotentCall(request)?
            .answer(tenant.json, status: 201, location: location, revision: tenant.revision, now: request.now)
        // One that nobody comes to need is destroyed with those of tenants that are gone.
        if !request.isDryRun { try services.personalKeys.ensure(.tenant(id), now: request.now) }
        try services.store.insert(tenant, answer: answer, rehearses: request.isDryRun)
        let change = AdminChange(target: "tenant/\(id)", before: nil, after: tenant.json)
        guard !request.isDryRun else { return .rehearsal(of: change) }
        services.assign(plan, to: tenant)
        services.directory.put(tenant)
        var reply = Reply.json(tenant.json, status: 201)
        reply.fields = [.init(.location, location)]
        reply.change = change
        return reply.tagged(tenant.revision)
    }

    private func update(_ id: TenantID, _ request: BlockingRequest) throws -> Reply {
        let before = try Reach(request, services.directory).tenant(id, now: request.now)
        try request.checkPreconditions(revision: before.revision)
        let body = try JSONBody(request.body, fields: ["display_name", "plan", "disabled", "audit_retention_days"])
        try requireAlive(before)
        var after = before
        if let name = try body.string("display_name") { after.displayName = name }
        if let disabled = try body.bool("disabled") { after.isDisabled = disabled }
        if body.has("audit_retention_days") {
            after.auditRetentionDays = try body.integer("audit_retention_days", 0...36_500)
        }
        after.plan = try plan(try body.string("plan") ?? before.plan.description).name
        return try change(before, after, request)
    }

    private func delete(_ id: TenantID, _ request: BlockingRequest) throws -> Reply {
        let before = try Reach(request, services.directory).tenant(id, now: request.now)
        // Before the preconditions, which do not count for what would be refused anyway (RFC 9110, section 13.2.1).
        let parameters = try QueryParameters(request.query, known: ["grace_seconds", "dry_run"])
        let grace = try parameters.number("grace_seconds", 0...31_536_000) ?? Self.usualGrace
        try request.checkPreconditions(revision: before.revision)
        var after = before
        after.deletesAt = request.now + grace
        return try change(before, after, request)
    }

    private func restore(_ id: TenantID, _ request: BlockingRequest) throws -> Reply {
        let before = try Reach(request, services.directory).tenant(id, now: request.now)
        try request.checkPreconditions(revision: before.revision)
        _ = try JSONBody(request.body, fields: [])
        guard before.deletesAt != nil else {
            throw Refusal(.conflict, "The tenant '\(id)' is not being deleted; there is nothing to restore.")
        }
        var after = before
        after.deletesAt = nil
        return try change(before, after, request)
    }

    private func requireAlive(_ tenant: Tenant) throws(Refusal) {
        guard let end = tenant.deletesAt else { return }
        throw Refusal(.conflict, "The tenant '\(tenant.id)' is being deleted at \(end); restore it first.")
    }

    /// Stores the change, then puts it in force: when this returns, every loop decides by it.
    private func change(_ before: Tenant, _ after: Tenant, _ request: BlockingRequest) throws -> Reply {
        let stored = try services.store.update(
            after,
            expectedRevision: before.revision,
            rehearses: request.isDryRun
        )
        let change = AdminChange(target: "tenant/\(stored.id)", before: before.json, after: stored.json)
        guard !request.isDryRun else { return .rehearsal(of: change) }
        services.assign(try plan(stored.plan.description), to: stored)
        services.retention.keep(recordsOf: stored)
        let generation = services.directory.put(stored)
        var reply = Reply.json(stored.json.adding("generation", generation))
        reply.change = change
        return reply.tagged(stored.revision)
    }

    private func plan(_ name: String) throws -> Plan {
        guard let planName = PlanName(name), let plan = try services.store.plan(planName) else {
            throw Refusal(.fieldInvalid, "There is no plan '\(name.prefix(63))'; GET /admin/v1/plans lists them.")
        }
        return plan
    }
}

extension Tenant {
    var json: JSON {
        [
            "id": .string(id.description), "display_name": .string(displayName), "plan": .string(plan.description),
            "state": .string(state.rawValue), "disabled": .bool(isDisabled),
            "deletes_at": deletesAt.map { .string($0.description) } ?? .null,
            "limits": overrides?.json ?? .object([]),
            "audit_retention_days": auditRetentionDays.map(JSON.integer) ?? .null,
            "created_at": .string(createdAt.description),
            "revision": .integer(revision),
        ]
    }
}

extension JSON {
    /// The object with the generation of the directory from which a change holds.
    func adding(_ name: String, _ generation: UInt64) -> JSON {
        .object((members ?? []) + [JSON.Member(name, .integer(Int64(generation)))])
    }
}
