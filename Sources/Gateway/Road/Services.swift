// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Identity
import Inference
import Limits
import Quality
import Storage
import Synchronization
import Telemetry

/// All that the event loops share: each part safe to use from any thread.
final class Services: Sendable {
    private let current: Mutex<(configuration: Configuration, generation: Int64)>
    /// Whether the configuration in force is the last one given.
    let lastReload = Atomic(true)
    let time: TimeSource
    let log: StructuredLog
    let metrics: GatewayMetrics
    let life = Life()

    let store: Store
    let directory: Directory
    let authenticator: Authenticator
    let issuers: IssuerRegistry
    let minter: TokenMinter
    let signingKeys: SigningKeys
    let serverMetadata: ServerMetadata
    let pepper: Pepper
    let limits: LimitTable
    let tenants: TenantContexts
    let audit: AuditLog
    /// Makes the transparency log, behind the road.
    let integrator: Integrator
    /// Sends its checkpoints elsewhere.
    let publication: CheckpointPublication
    let ledger: LimitLedger
    let search: AuditSearch
    let retention: Retention
    let personalKeys: PersonalKeys
    let served: ServedModels
    /// What labels and the loops' sketches say of the models.
    let quality = QualityBoard()
    let defaultModel: ModelName
    /// For models that take longer than an event loop may be held.
    let inference: InferencePool
    let reloader: Reloader
    /// Verifies and issues tokens; what strangers can make work for is here and nowhere else.
    let tokenPool: WorkerPool
    /// Decodes and encodes bodies that would hold a loop too long, and gathers what the loops counted.
    let bodyPool: WorkerPool
    /// Does what admins, auditors and scrapers ask for, and waits for the disk.
    let managementPool: WorkerPool
    /// Loads models, one change after the other.
    let modelPool: WorkerPool
    /// Held by one change of tenants, plans or keys at a time: the database, the directory and the limits agree.
    let administration = Mutex(())
    /// What new keys' texts were, for the minutes in which a client may ask again.
    let shownSecrets = ShownSecrets()

    init(
        configuration: Configuration,
        time: TimeSource,
        log: StructuredLog,
        metrics: GatewayMetrics,
        store: Store,
        directory: Directory,
        authenticator: Authenticator,
        issuers: IssuerRegistry,
        minter: TokenMinter,
        signingKeys: SigningKeys,
        pepper: Pepper,
        limits: LimitTable,
        audit: AuditLog,
        integrator: Integrator,
        publication: CheckpointPublication,
        ledger: LimitLedger,
        search: AuditSearch,
        retention: Retention,
        personalKeys: PersonalKeys,
        models: ModelRepository,
        shadows: ShadowRunner,
        defaultModel: ModelName,
        inference: InferencePool,
        reloader: Reloader,
        tokenPool: WorkerPool,
        bodyPool: WorkerPool,
        managementPool: WorkerPool,
        modelPool: WorkerPool
    ) {
        current = Mutex((configuration, 1))
        self.time = time
        self.log = log
        self.metrics = metrics
        self.store = store
        self.directory = directory
        self.authenticator = authenticator
        self.issuers = issuers
        self.minter = minter
        self.signingKeys = signingKeys
        serverMetadata = ServerMetadata(configuration.tokens)
        self.pepper = pepper
        self.limits = limits
        tenants = TenantContexts(limits: limits, metrics: metrics)
        self.audit = audit
        self.integrator = integrator
        self.publication = publication
        self.ledger = ledger
        self.search = search
        self.retention = retention
        self.personalKeys = personalKeys
        served = ServedModels(models, shadows: shadows)
        self.defaultModel = defaultModel
        self.inference = inference
        self.reloader = reloader
        self.tokenPool = tokenPool
        self.bodyPool = bodyPool
        self.managementPool = managementPool
        self.modelPool = modelPool
    }

    /// The one in force; a copy, so not for the road: the loops keep what they need of it.
    var configuration: Configuration { current.withLock { $0.configuration } }
    /// Those in force; the loops keep them for the road.
    var models: ModelRepository { served.current }
    /// Counts the configurations of this process, from 1.
    var configurationGeneration: Int64 { current.withLock { $0.generation } }

    /// Who hears of each new configuration, and has taken it when the call returns.
    let takers = Mutex<[@Sendable (Configuration, Int64) -> Void]>([])

    /// Puts a configuration in force.
    ///
    /// - Returns: its generation.
    func take(_ configuration: Configuration) -> Int64 {
        let generation = current.withLock { current in
            current.configuration = configuration
            current.generation += 1
            return current.generation
        }
        for taker in takers.withLock({ $0 }) { taker(configuration, generation) }
        return generation
    }

    /// Where a blocking route is answered.
    func pool(for route: Route, on listener: ListenerKind) -> WorkerPool {
        if listener == .tenant || route.isOAuth { return tokenPool }
        return route.changesModels ? modelPool : managementPool
    }

    /// Puts a tenant on a plan with what overrides it, for the road and for the ledger that the next start goes on from.
    func assign(_ plan: Plan, to tenant: Tenant) {
        let own = plan.overridden(by: tenant.overrides)
        limits.assign(own, to: tenant.id)
        ledger.assign(own, to: tenant.id)
    }

    /// Forgets what keys used of their own limits, once they have none or are no more.
    func forgetLimits(ofKeys ids: [String]) {
        limits.keys.forget(ids)
        ledger.forget(keys: ids)
    }
}
