// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Identity
import Limits

@testable import Storage

/// A folder that is there for the life of this value.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "tollgate-storage-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }
    var store: String { file("control.sqlite") }
    var index: String { file("audit-index.sqlite") }
}

/// SplitMix64: the same tests on every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

let now = UnixTime(seconds: 1_795_500_000)
let acme = TenantID("acme")!
let gold = PlanName("gold")!

let goldPlan = Plan(
    name: gold,
    rate: .init(requests: 100, seconds: 60, burst: 20),
    dailyQuota: 10_000,
    concurrency: 8,
    models: .only([ModelName("digits")!, ModelName("iris_v2.1")!])
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
func filledStore(_ folder: TemporaryFolder) throws -> Store {
    let store = try Store(path: folder.store)
    _ = try store.upsert(goldPlan)
    _ = try store.upsert(openPlan)
    try store.insert(tenant())
    return store
}
