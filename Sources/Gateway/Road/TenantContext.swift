// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Inference
import Limits
import Synchronization
import Telemetry

/// What the road needs of a tenant, looked up once and kept by each event loop.
final class TenantContext: Sendable {
    let id: TenantID
    let account: TenantAccount
    let instances: Counter
    private let number: UInt32
    private let connections = Atomic(0)

    init(id: TenantID, number: UInt32, account: TenantAccount, metrics: GatewayMetrics) {
        self.id = id
        self.number = number
        self.account = account
        instances = metrics.tenantInstances.with(labels: [id.description])
    }

    /// Of the machine, by the plan in force.
    var share: TenantShare { TenantShare(tenant: number, weight: account.weight) }

    /// Counts one more connection of the tenant; false when it has as many as it may.
    func claim(limit: Int) -> Bool {
        guard connections.wrappingAdd(1, ordering: .relaxed).newValue <= limit else {
            release()
            return false
        }
        return true
    }

    /// A connection that was counted has ended.
    func release() {
        connections.wrappingSubtract(1, ordering: .relaxed)
    }
}

/// All tenants' contexts; the loops ask it only for tenants they do not know yet.
final class TenantContexts: Sendable {
    private let limits: LimitTable
    private let metrics: GatewayMetrics
    private let known = Mutex<[TenantID: TenantContext]>([:])

    init(limits: LimitTable, metrics: GatewayMetrics) {
        self.limits = limits
        self.metrics = metrics
    }

    /// nil for a tenant without an account.
    func context(of id: TenantID) -> TenantContext? {
        known.withLock { known in
            if let context = known[id] { return context }
            guard let account = limits.account(for: id) else { return nil }
            let context = TenantContext(id: id, number: UInt32(known.count + 1), account: account, metrics: metrics)
            known[id] = context
            return context
        }
    }
}
