// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Limits
import Synchronization
import Telemetry

/// What the road needs of a tenant, looked up once and kept by each event loop.
final class TenantContext: Sendable {
    let id: TenantID
    let account: TenantAccount
    let instances: Counter

    init(id: TenantID, account: TenantAccount, metrics: GatewayMetrics) {
        self.id = id
        self.account = account
        instances = metrics.tenantInstances.with(labels: [id.description])
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
            let context = TenantContext(id: id, account: account, metrics: metrics)
            known[id] = context
            return context
        }
    }
}
