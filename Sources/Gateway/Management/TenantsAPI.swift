// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP
import Identity
import Limits
import Storage

/// `/admin/v1/tenants`: create, list, show, disable and enable tenants, and put them on a plan.
struct TenantsAPI {
    let services: Services

    func answer(_ request: BlockingRequest) throws -> Reply {
        switch (request.route, request.method) {
        case (.tenants, .post): return try create(request)
        case (.tenants, _):
            return .json([
                "tenants": .array(
                    services.directory.tenants().sorted { $0.id.description < $1.id.description }
                        .filter { $0.id != .system }.map(\.json)
                )
            ])
        case (.tenant(let id), .patch): return try update(id, request)
        case (.tenant(let id), _): return .json(try tenant(id).json)
        default: preconditionFailure("not a route of tenants: \(request.route)")
        }
    }

    private func tenant(_ id: TenantID) throws(Refusal) -> Tenant {
        guard id != .system, let tenant = services.directory.tenant(id) else {
            throw Refusal(.notFound, "There is no tenant '\(id)'.")
        }
        return tenant
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
        try services.store.insert(tenant)
        services.assign(plan, to: id)
        services.directory.put(tenant)
        var reply = Reply.json(tenant.json, status: 201)
        reply.fields = [.init(.location, "/admin/v1/tenants/\(id)")]
        reply.change = AdminChange(target: "tenant/\(id)", before: nil, after: tenant.json)
        return reply
    }

    private func update(_ id: TenantID, _ request: BlockingRequest) throws -> Reply {
        let body = try JSONBody(request.body, fields: ["display_name", "plan", "disabled"])
        let before = try tenant(id)
        var after = before
        if let name = try body.string("display_name") { after.displayName = name }
        if let disabled = try body.bool("disabled") { after.isDisabled = disabled }
        let plan = try plan(try body.string("plan") ?? before.plan.description)
        after.plan = plan.name
        after = try services.store.update(after, expectedRevision: before.revision)
        services.assign(plan, to: id)
        services.directory.put(after)
        var reply = Reply.json(after.json)
        reply.change = AdminChange(target: "tenant/\(id)", before: before.json, after: after.json)
        return reply
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
            "disabled": .bool(isDisabled), "created_at": .string(createdAt.description),
            "revision": .integer(revision),
        ]
    }
}
