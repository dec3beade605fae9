// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP
import Identity
import Limits
import Storage

/// `/admin/v1/plans`: list, show, put and delete plans; a change holds for all tenants on the plan at once.
struct PlansAPI {
    let services: Services

    func answer(_ request: BlockingRequest) throws -> Reply {
        switch (request.route, request.method) {
        case (.plan(let name), .put): return try put(name, request)
        case (.plan(let name), .delete): return try delete(name, request)
        case (.plan(let name), _):
            let plan = try plan(name, request)
            return Reply.json(plan.json).tagged(plan.revision)
        default:
            guard request.query?.isEmpty ?? true else {
                throw Refusal(.fieldInvalid, "There are no parameters here.")
            }
            let plans = try services.store.plans().filter { isVisible($0.name, to: request) }
            return .json(["plans": .array(plans.map(\.json))])
        }
    }

    /// Whether the caller sees the plan: a tenant its own alone, for the names of others would tell of other tenants.
    private func isVisible(_ name: PlanName, to request: BlockingRequest) -> Bool {
        guard let tenant = Reach(request, services.directory).tenant else { return true }
        return services.directory.tenant(tenant)?.plan == name
    }

    private func plan(_ name: PlanName, _ request: BlockingRequest) throws -> Plan {
        guard isVisible(name, to: request), let plan = try services.store.plan(name) else {
            throw Refusal(.notFound, "There is no plan '\(name)'.")
        }
        return plan
    }

    private func put(_ name: PlanName, _ request: BlockingRequest) throws -> Reply {
        let body = try JSONBody(request.body, fields: ["rate", "daily_quota", "concurrency", "models", "weight"])
        let before = try services.store.plan(name)
        try request.checkPreconditions(revision: before?.revision)
        var plan = Plan(
            name: name,
            rate: try body.rate("rate"),
            dailyQuota: try body.integer("daily_quota", KeyLimits.dailyQuotas),
            concurrency: try body.integer("concurrency", KeyLimits.concurrencies).map(Int32.init),
            models: try body.models("models"),
            weight: Int(try body.integer("weight", 1...100) ?? 1)
        )
        plan = try services.store.upsert(
            plan,
            expectedRevision: before?.revision ?? 0,
            rehearses: request.isDryRun
        )
        let change = AdminChange(target: "plan/\(name)", before: before?.json, after: plan.json)
        let tenants = try services.store.tenants(on: name)
        guard !request.isDryRun else {
            return .rehearsal(of: change, more: [JSON.Member("tenants", .integer(Int64(tenants.count)))])
        }
        for tenant in tenants { services.assign(plan, to: tenant) }
        var reply = Reply.json(plan.json, status: before == nil ? 201 : 200)
        reply.change = change
        return reply.tagged(plan.revision)
    }

    private func delete(_ name: PlanName, _ request: BlockingRequest) throws -> Reply {
        let before = try plan(name, request)
        try request.checkPreconditions(revision: before.revision)
        try services.store.delete(plan: name, expectedRevision: before.revision, rehearses: request.isDryRun)
        let change = AdminChange(target: "plan/\(name)", before: before.json, after: nil)
        guard !request.isDryRun else { return .rehearsal(of: change) }
        var reply = Reply.json(before.json)
        reply.change = change
        return reply
    }
}

extension Plan {
    var json: JSON {
        [
            "name": .string(name.description), "rate": rate?.json ?? .null,
            "daily_quota": dailyQuota.map(JSON.integer) ?? .null,
            "concurrency": concurrency.map { .integer(Int64($0)) } ?? .null, "models": models.json,
            "weight": .integer(Int64(weight)), "revision": .integer(revision),
        ]
    }
}
