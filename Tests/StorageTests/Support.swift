// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Identity
import Limits
import TestSupport

@testable import Storage

extension TemporaryDirectory {
    var store: String { file("control.sqlite") }
    var index: String { file("audit-index.sqlite") }
}

let now = UnixTime(seconds: 1_795_500_000)
let acme = TenantID("acme")!
let gold = PlanName("gold")!

let goldPlan = Plan(
    name: gold,
    rate: .init(requests: 100, seconds: 60, burst: 20),
    dailyQuota: 10_000,
    concurrency: 8,
    models: .only([ModelName("digits")!, ModelName("iris_v2.1")!]),
    weight: 7
)
let openPlan = Plan(name: PlanName("open")!, rate: nil, dailyQuota: nil, concurrency: nil, models: .all)

func tenant(_ id: TenantID = acme, plan: PlanName = gold) -> Tenant {
    Tenant(id: id, displayName: "Acme & Söhne", plan: plan, createdAt: now)
}

func key(_ id: String = "Ab3dEf9h", tenant: TenantID = acme, models: ModelAccess = .all) -> APIKey {
    APIKey(
        id: id,
        tenant: tenant,
        role: tenant == .system ? .admin : .tenant,
        name: "batch jobs",
        scopes: [.predict, .modelsRead],
        models: models,
        secretHash: (0..<32).map { UInt8($0 &* 7) },
        createdAt: now,
        createdBy: "init",
        expiresAt: now + 3600
    )
}

/// A store with the plans and a tenant.
func filledStore(_ folder: TemporaryDirectory) throws -> Store {
    let store = try Store(path: folder.store)
    _ = try store.upsert(goldPlan)
    _ = try store.upsert(openPlan)
    try store.insert(tenant())
    return store
}

/// The keys that fit a query.
func list(_ store: Store, limit: Int = 1000, _ change: (inout KeyQuery) -> Void = { _ in }) throws -> [ListedKey] {
    var query = KeyQuery(now: now, limit: limit)
    change(&query)
    return try store.keys(query)
}

/// The ids of the tenants that fit a query.
func tenants(_ store: Store, limit: Int = 1000, _ change: (inout TenantQuery) -> Void = { _ in }) throws -> [String] {
    var query = TenantQuery(limit: limit)
    change(&query)
    return try store.tenants(query).map(\.id.description)
}

/// An entry of the search index without any column.
func entry(_ index: UInt64, _ change: (inout AuditIndexEntry) -> Void = { _ in }) -> AuditIndexEntry {
    var entry = AuditIndexEntry(index: index, record: [])
    change(&entry)
    return entry
}

/// A request id.
func uuid(_ number: Int) -> String {
    RequestID(high: 0x0199_aa00_0000_7000, low: 0x8000_0000_0000_0000 + UInt64(number)).description
}
