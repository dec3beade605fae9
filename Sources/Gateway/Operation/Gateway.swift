// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import GatewayCrypto
import Glibc
import Identity
import Inference
import Limits
import NIOCore
import NIOOpenSSL
import NIOPosix
import Storage
import Synchronization
public import Telemetry

/// The running gateway: everything wired, both listeners open.
///
/// ```swift
/// let gateway = try Gateway.start(configuration, log: log)
/// gateway.drain()
/// gateway.wait()
/// ```
public final class Gateway: Sendable {
    /// Where the tenants' listener is reached: the configured port, or the one that port 0 became.
    public let tenantPort: Int
    /// Where the management listener is reached, port 0 resolved likewise.
    public let managementPort: Int

    private let services: Services
    private let group: MultiThreadedEventLoopGroup
    private let followerPool: NIOThreadPool
    private let loops: [LoopHandle]
    private let listeners: [any Channel]
    private let ended: EventLoopPromise<Void>
    private let isDraining = Atomic(false)

    /// Opens the state, loads the models, binds both listeners; blocks until all of it is done.
    ///
    /// A model that does not load is named in the log, and the others are served.
    ///
    /// - Throws: ``StateError``, `StorageError`, `AuditError`, `TLSError`, ``StartError`` (a port in use): each says what
    ///   was wrong, where, and what to do.
    public static func start(
        _ configuration: Configuration,
        log: StructuredLog
    ) throws -> Gateway {
        let time = TimeSource.system
        let state = StateDirectory(path: configuration.state)
        let pepper = try state.pepper()
        // Certificates before all that takes time: what is most often wrong is said first.
        let tenantTLS = try tlsContext(configuration.tenants, configuration)
        let managementTLS = try tlsContext(configuration.management, configuration)

        let store = try Store(path: state.database)
        let plans = Dictionary(uniqueKeysWithValues: try store.plans().map { ($0.name, $0) })
        let tenants = try store.tenants()
        let limits = LimitTable()
        var assignments: [(TenantID, Plan)] = []
        for tenant in tenants {
            guard let plan = plans[tenant.plan] else {
                log.error(
                    "a tenant's plan is missing, so it reaches no model",
                    ["tenant": .of(tenant.id), "plan": .of(tenant.plan)]
                )
                continue
            }
            limits.assign(plan, to: tenant.id)
            assignments.append((tenant.id, plan))
        }
        // The operators' keys hang on a tenant that is in no table, so that nobody can disable it.
        let operators = Tenant(
            id: .system,
            displayName: "Operators",
            plan: StateDirectory.operatorsPlan,
            createdAt: UnixTime(seconds: 0)
        )
        let directory = Directory(
            tenants: [operators] + tenants,
            keys: try store.keys(),
            revokedTokens: try store.revokedTokens()
        )

        guard let algorithm = SignatureAlgorithm(rawValue: configuration.tokens.algorithm.rawValue) else {
            preconditionFailure("the configured algorithms are JOSE's names")
        }
        let signingKey = try state.signingKey(algorithm)
        let tokens = configuration.tokens
        let minter = TokenMinter(
            signingKey: signingKey,
            issuer: tokens.issuer,
            audience: tokens.audience,
            lifetimeSeconds: Int64(tokens.lifetimeSeconds)
        )
        let authenticator = Authenticator(
            directory: directory,
            pepper: pepper,
            issuers: [
                TrustedIssuer(
                    issuer: tokens.issuer,
                    audiences: [tokens.audience],
                    keys: [signingKey.keyID: signingKey.verificationKey],
                    kind: .local
                )
            ],
            audience: tokens.audience,
            leewaySeconds: Int64(tokens.leewaySeconds),
            time: time
        )

        let audit = try AuditLog(
            configuration: AuditConfiguration(
                directory: state.auditDirectory,
                durability: configuration.audit.durability,
                gateway: configuration.name,
                // A log that lost what was durable has been tampered with, or is an old copy.
                knownSize: configuration.audit.durability == .durable ? try store.limitSnapshot().coveredIndex : 0
            ),
            time: time
        ) { health in
            switch health {
            case .writing: log.info("the audit log is written again")
            case .failed(let reason): log.error("the audit log cannot be written", ["reason": .string(reason)])
            }
        }
        if audit.recovery.cutBytes > 0 {
            log.warning(
                "an unfinished record at the end of the audit log was cut off",
                ["file": .string(audit.recovery.file), "bytes": .integer(audit.recovery.cutBytes)]
            )
        }
        let ledger = try LimitLedger(audit: audit, store: store, limits: limits, plans: assignments, time: time)
        let search = AuditSearch(audit: audit, index: try index(of: audit, at: state.auditIndex, log: log), time: time)

        let loopCount = configuration.eventLoops > 0 ? configuration.eventLoops : System.coreCount
        let models = try loadModels(configuration, sessions: loopCount + 1, time: time, log: log)
        guard let defaultModel = ModelName(configuration.models.default) else {
            preconditionFailure("the configuration's model name was checked")
        }
        let tokenPool = NIOThreadPool(numberOfThreads: max(1, loopCount / 2))
        let managementPool = NIOThreadPool(numberOfThreads: 2)
        tokenPool.start()
        managementPool.start()
        let metrics = GatewayMetrics(shards: loopCount + 1)
        let services = Services(
            configuration: configuration,
            time: time,
            log: log,
            metrics: metrics,
            store: store,
            directory: directory,
            authenticator: authenticator,
            minter: minter,
            pepper: pepper,
            limits: limits,
            audit: audit,
            ledger: ledger,
            search: search,
            models: models,
            defaultModel: defaultModel,
            inference: InferencePool(threads: max(1, loopCount / 2), capacity: 1024, time: time),
            tokenPool: tokenPool,
            managementPool: managementPool
        )
        metrics.observe(services, tls: [("tenant", tenantTLS), ("management", managementTLS)])
        return try Gateway(services: services, loops: loopCount, tenantTLS: tenantTLS, managementTLS: managementTLS)
    }

    private init(services: Services, loops loopCount: Int, tenantTLS: TLSContext, managementTLS: TLSContext) throws {
        self.services = services
        let group = MultiThreadedEventLoopGroup(numberOfThreads: loopCount)
        self.group = group
        var shard = 0
        var byLoop: [ObjectIdentifier: LoopHandle] = [:]
        for eventLoop in group.makeIterator() {
            let index = shard
            shard += 1
            byLoop[ObjectIdentifier(eventLoop)] = try eventLoop.submit {
                let context = LoopContext(services: services, eventLoop: eventLoop, shard: index)
                context.start()
                return LoopHandle(context)
            }.wait()
        }
        loops = Array(byLoop.values)
        let configuration = services.configuration
        func listen(
            _ kind: ListenerKind,
            _ listener: Configuration.Listener,
            _ tls: TLSContext
        ) throws -> any Channel {
            try Listener(
                kind: kind,
                tls: tls,
                loops: byLoop,
                services: services,
                maxConnections: configuration.http.maxConnections
            ).bind(listener, group: group)
        }
        let tenant = try listen(.tenant, configuration.tenants, tenantTLS)
        let management = try listen(.management, configuration.management, managementTLS)
        listeners = [tenant, management]
        tenantPort = tenant.localAddress?.port ?? configuration.tenants.port
        managementPort = management.localAddress?.port ?? configuration.management.port
        ended = group.next().makePromise()
        followerPool = NIOThreadPool(numberOfThreads: 1)
        followerPool.start()
        follow()
        services.life.serve()
    }

    // MARK: - The end

    /// Stops accepting, lets every request under way finish, then ends; at the deadline what is left is cut off.
    public func drain() {
        guard isDraining.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else { return }
        services.life.drain()
        services.log.info("draining", ["deadline_s": .integer(Int64(services.configuration.drainSeconds))])
        let eventLoop = group.next()
        let closed = EventLoopFuture.andAllComplete(listeners.map { $0.close() }, on: eventLoop)
        let quiet = closed.flatMap { [loops] in
            EventLoopFuture.andAllComplete(
                loops.map { loop in
                    let promise = eventLoop.makePromise(of: Void.self)
                    loop.execute { $0.drain(promise) }
                    return promise.futureResult
                },
                on: eventLoop
            )
        }
        eventLoop.scheduleTask(in: .seconds(Int64(services.configuration.drainSeconds))) { [loops, services, ended] in
            services.log.warning("the drain's deadline has passed; open connections are cut off")
            for loop in loops { loop.execute { $0.closeAll() } }
            // What does not even close is not waited for.
            eventLoop.scheduleTask(in: .seconds(1)) { ended.succeed() }
        }
        quiet.cascade(to: ended)
    }

    /// Blocks until the drain is over, then closes the log and the database.
    public func wait() throws {
        try ended.futureResult.wait()
        try followerPool.syncShutdownGracefully()
        try services.tokenPool.syncShutdownGracefully()
        try services.managementPool.syncShutdownGracefully()
        services.inference.shutdown()
        services.audit.close()
        try services.ledger.finish()
        try services.search.index.close()
        try services.store.close()
        try group.syncShutdownGracefully()
        services.log.info("ended", ["audit_records": .integer(Int64(services.audit.size))])
    }

    // MARK: - Parts

    /// Keeps the saved limits and the search index close behind the log, on a thread that gives way to requests.
    private func follow() {
        let services = services
        followerPool.submit { _ in
            // On Linux this is of the calling thread alone.
            setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
        }
        group.next().scheduleRepeatedTask(initialDelay: .milliseconds(250), delay: .milliseconds(250)) {
            [followerPool] _ in
            followerPool.submit { state in
                guard case .active = state else { return }
                do {
                    try services.ledger.follow()
                    // A long way is gone in steps, so that the end need not wait for it.
                    while try services.search.follow(), !services.life.isDraining {}
                } catch {
                    services.log.error("the audit log cannot be followed", ["error": .string("\(error)")])
                }
            }
        }
    }

    /// The search index; one that knows more than the log has is of another log, and is made anew.
    private static func index(of audit: AuditLog, at path: String, log: StructuredLog) throws -> AuditIndex {
        let index = try AuditIndex(path: path)
        guard index.indexedSize > audit.size else { return index }
        log.warning("the search index is ahead of the audit log and is rebuilt", ["file": .string(path)])
        try index.close()
        try AuditIndex.remove(path: path)
        return try AuditIndex(path: path)
    }

    private static func tlsContext(
        _ listener: Configuration.Listener,
        _ configuration: Configuration
    ) throws(TLSError) -> TLSContext {
        var tls = TLSConfiguration(certificateChainFile: listener.certificate, privateKeyFile: listener.key)
        tls.handshakeTimeout = .seconds(Int64(configuration.http.handshakeSeconds))
        return try TLSContext(configuration: tls)
    }

    private static func loadModels(
        _ configuration: Configuration,
        sessions: Int,
        time: TimeSource,
        log: StructuredLog
    ) throws -> ModelRepository {
        let models = try ModelRepository(
            directory: configuration.models.directory,
            sessions: sessions,
            time: time
        )
        for status in models.list() {
            var fields: LogFields = ["model": .string(status.name.description), "version": .integer(status.version)]
            if let model = status.model {
                fields["inference_us"] = .integer(model.cost.one / 1000)
                log.info("model loaded", fields)
            } else {
                fields["reason"] = .string(status.reason)
                fields["detail"] = .string(status.detail)
                log.error("a model did not load; the others are served", fields)
            }
        }
        return models
    }
}

/// Why the gateway cannot start.
public struct StartError: Error, CustomStringConvertible, Sendable {
    /// `the tenant listener cannot bind 0.0.0.0:8443: ` and what to do about it.
    public let description: String
}
