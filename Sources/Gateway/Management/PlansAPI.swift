// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP
import Identity
import Limits
import Storage

/// `/admin/v1/plans`: list, show and put plans; a change holds for all tenants on the plan at once.
struct PlansAPI {
    let services: Services

    func answer(_ request: BlockingRequest) throws -> Reply {
        switch (request.route, request.method) {
        case (.plan(let name), .put): return try put(name, request)
        case (.plan(let name), _):
            guard let plan = try services.store.plan(name) else {
                throw Refusal(.notFound, "There is no plan '\(name)'.")
            }
            return .json(plan.json)
        default: return .json(["plans": .array(try services.store.plans().map(\.json))])
        }
    }

    private func put(_ name: PlanName, _ request: BlockingRequest) throws -> Reply {
        let body = try JSONBody(request.body, fields: ["rate", "daily_quota", "concurrency", "models"])
        let before = try services.store.plan(name)
        var rate: Plan.Rate?
        if let value = body.value("rate") {
            guard let requests = value["requests"]?.integer, let burst = value["burst"]?.integer,
                let seconds = value["seconds"]?.integer, (1...1_000_000_000).contains(requests),
                (1...86_400).contains(seconds), (1...1_000_000_000).contains(burst), value.members?.count == 3
            else {
                throw JSONBody.wrong(
                    "rate",
                    "{\"requests\": …, \"seconds\": …, \"burst\": …}, each at least 1, or null"
                )
            }
            rate = Plan.Rate(requests: requests, seconds: seconds, burst: burst)
        }
        var plan = Plan(
            name: name,
            rate: rate,
            dailyQuota: try body.integer("daily_quota", 1...1_000_000_000_000),
            concurrency: try body.integer("concurrency", 1...1_000_000).map(Int32.init),
            models: try body.models("models")
        )
        plan = try services.store.upsert(plan)
        for tenant in services.directory.tenants() where tenant.plan == name {
            services.assign(plan, to: tenant.id)
        }
        var reply = Reply.json(plan.json, status: before == nil ? 201 : 200)
        reply.change = AdminChange(target: "plan/\(name)", before: before?.json, after: plan.json)
        return reply
    }
}

extension Plan {
    var json: JSON {
        [
            "name": .string(name.description),
            "rate": rate.map {
                ["requests": .integer($0.requests), "seconds": .integer($0.seconds), "burst": .integer($0.burst)]
            } ?? .null,
            "daily_quota": dailyQuota.map(JSON.integer) ?? .null,
            "concurrency": concurrency.map { .integer(Int64($0)) } ?? .null, "models": models.json,
            "revision": .integer(revision),
        ]
    }
}
