// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Identity
import Inference
import Limits
import NIOPosix
import Storage
import Synchronization
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
    let ledger: LimitLedger
    let search: AuditSearch
    let models: ModelRepository
    let defaultModel: ModelName
    /// For models that take longer than an event loop may be held.
    let inference: InferencePool
    /// Verifies and issues tokens; what strangers can make work for is here and nowhere else.
    let tokenPool: NIOThreadPool
    /// Does what admins, auditors and scrapers ask for, and waits for the disk.
    let managementPool: NIOThreadPool
    /// Held by one change of tenants, plans or keys at a time: the database, the directory and the limits agree.
    let administration = Mutex(())

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
        ledger: LimitLedger,
        search: AuditSearch,
        models: ModelRepository,
        defaultModel: ModelName,
        inference: InferencePool,
        tokenPool: NIOThreadPool,
        managementPool: NIOThreadPool
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
        self.ledger = ledger
        self.search = search
        self.models = models
        self.defaultModel = defaultModel
        self.inference = inference
        self.tokenPool = tokenPool
        self.managementPool = managementPool
    }

    /// Puts a tenant on a plan, for the road and for the ledger that the next start goes on from.
    func assign(_ plan: Plan, to tenant: TenantID) {
        limits.assign(plan, to: tenant)
        ledger.assign(plan, to: tenant)
    }
}
