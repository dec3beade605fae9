// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Identity
import Inference
import Limits
import NIOPosix
import Storage
import Telemetry

/// All that the event loops share: each part safe to use from any thread.
final class Services: Sendable {
    let configuration: Configuration
    /// Counts the configurations of this process, from 1.
    let configurationGeneration: Int64 = 1
    let time: TimeSource
    let log: StructuredLog
    let metrics: GatewayMetrics
    let life = Life()

    let store: Store
    let directory: Directory
    let authenticator: Authenticator
    let minter: TokenMinter
    let pepper: Pepper
    let limits: LimitTable
    let tenants: TenantContexts
    let audit: AuditLog
    let follower: LogFollower
    let models: ModelRepository
    let defaultModel: ModelName
    /// For models that take longer than an event loop may be held.
    let inference: InferencePool
    /// For whatever waits for a disk or derives a key.
    let pool: NIOThreadPool

    init(
        configuration: Configuration,
        time: TimeSource,
        log: StructuredLog,
        metrics: GatewayMetrics,
        store: Store,
        directory: Directory,
        authenticator: Authenticator,
        minter: TokenMinter,
        pepper: Pepper,
        limits: LimitTable,
        audit: AuditLog,
        follower: LogFollower,
        models: ModelRepository,
        defaultModel: ModelName,
        inference: InferencePool,
        pool: NIOThreadPool
    ) {
        self.configuration = configuration
        self.time = time
        self.log = log
        self.metrics = metrics
        self.store = store
        self.directory = directory
        self.authenticator = authenticator
        self.minter = minter
        self.pepper = pepper
        self.limits = limits
        tenants = TenantContexts(limits: limits, metrics: metrics)
        self.audit = audit
        self.follower = follower
        self.models = models
        self.defaultModel = defaultModel
        self.inference = inference
        self.pool = pool
    }

    /// Puts a tenant on a plan, for the road and for the ledger that the next start goes on from.
    func assign(_ plan: Plan, to tenant: TenantID) {
        limits.assign(plan, to: tenant)
        follower.assign(plan, to: tenant)
    }
}
