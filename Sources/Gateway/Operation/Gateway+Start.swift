// SPDX-License-Identifier: Apache-2.0

import Audit
import Foundation
import GatewayCore
import GatewayCrypto
import Identity
import Inference
import Limits
import Storage
import TLS
public import Telemetry
import Transport

extension Gateway {
    /// Opens the state, loads the models, binds both listeners; blocks until all of it is done.
    ///
    /// A model that does not load is named in the log, and the others are served.
    ///
    /// - Parameters:
    ///   - source: reads the configuration again for a reload.
    ///
    /// Sockets that a service manager passed (sd_listen_fds(3)), the tenants' first, then the management's, are used in
    /// place of bound ones.
    /// - Throws: ``StateError``, `StorageError`, `AuditError`, `TLSError`, ``StartError`` (a port in use): each says what
    ///   was wrong, where, and what to do.
    public static func start(
        _ configuration: Configuration,
        log: StructuredLog,
        source: @escaping @Sendable () throws(ConfigurationError) -> Configuration
    ) throws -> Gateway {
        let time = TimeSource.system
        // Before there is any thread: it changes the environment.
        let sockets = try ListenerSocket.inherited()
        let state = StateDirectory(path: configuration.state)
        let pepper = try state.pepper()
        // Certificates before all that takes time: what is most often wrong is said first.
        let tickets = TicketKeyFile(path: state.ticketKeys, log: log)
        let stores = try [ListenerKind.tenant, .management].map { kind in
            try CertificateStore(kind: kind, listener: configuration[kind], tickets: tickets.keys)
        }

        let store = try Store(path: state.database)
        let tenants = try store.tenants()
        let directory = try directory(of: store, tenants)
        let assignments = try assignments(of: store, tenants, log: log)
        let limits = LimitTable()
        for (tenant, plan) in assignments { limits.assign(plan, to: tenant) }
        let signingKeyFile = SigningKeyFile(path: state.signingKeys)
        let signingKeys = try signingKeyFile.open(rotation(configuration.tokens), now: time.now())
        // What the time since the last run and a changed configuration ask for.
        _ = try signingKeys.advance(now: time.now())
        let authenticator = authenticator(configuration.tokens, directory, pepper)
        let minter = minter(configuration.tokens, signingKeys.ring.current.key)
        signingKeys.hand { authenticator.replaceKeys(of: configuration.tokens.issuer, with: $0.verificationKeys) }
        signingKeys.hand { minter.use($0.current.key) }

        let signer = try signer(configuration, state)
        let audit = try auditLog(configuration, state, store, signer, time: time, log: log)
        let integrator = try integrator(configuration, state, audit, signer, time: time, log: log)
        let ledger = try LimitLedger(
            audit: audit,
            store: store,
            directory: directory,
            limits: limits,
            plans: assignments,
            time: time
        )
        let retention = Retention(
            pruner: try LogPruner(log: audit, directory: state.auditLog, signer: signer),
            holds: try store.auditHolds(),
            tenants: tenants
        )
        let personalKeys = try PersonalKeys(
            PersonalKeyFolder(path: state.personalKeys, pepper: pepper),
            isUsed: configuration.audit.personalFields == .hmac
        )
        for owner in [.gateway, .tenant(.system)] + tenants.map({ PersonalKeyOwner.tenant($0.id) }) {
            try personalKeys.ensure(owner, now: time.now())
        }
        let search = AuditSearch(
            audit: audit,
            index: try index(of: audit, at: state.auditIndex, log: log),
            retention: retention,
            time: time
        )

        let loopCount = configuration.eventLoops > 0 ? configuration.eventLoops : coreCount
        let poolThreads = max(1, loopCount / 2)
        let models = try loadModels(
            configuration,
            sessions: loopCount + poolThreads,
            choices: try store.servingChoices(),
            time: time,
            log: log
        )
        guard let defaultModel = ModelName(configuration.models.default) else {
            preconditionFailure("the configuration's model name was checked")
        }
        let metrics = GatewayMetrics(shards: loopCount + 1)
        let issuers = IssuerRegistry(
            authenticator: authenticator,
            directory: state.issuers,
            time: time,
            log: log,
            metrics: metrics
        )
        issuers.take(try issuers.prepare(configuration.issuers))
        let tokenPool = try WorkerPool(name: "tokens", threads: poolThreads, capacity: 4096)
        // Each waiting body may be as large as bodies may be, so not many wait.
        let bodyPool = try WorkerPool(name: "bodies", threads: poolThreads, capacity: 64)
        let modelPool = try WorkerPool(name: "model-loader", threads: 1, capacity: 256)
        let managementPool = try WorkerPool(name: "management", threads: 2, capacity: 1024)
        let services = Services(
            configuration: configuration,
            time: time,
            log: log,
            metrics: metrics,
            store: store,
            directory: directory,
            authenticator: authenticator,
            issuers: issuers,
            minter: minter,
            signingKeys: signingKeys,
            pepper: pepper,
            limits: limits,
            audit: audit,
            integrator: integrator,
            publication: CheckpointPublication(integrator: integrator, state: state, log: log, metrics: metrics),
            ledger: ledger,
            search: search,
            retention: retention,
            personalKeys: personalKeys,
            models: models,
            shadows: try ShadowRunner(time: time) { metrics.shadowed($0, $1, nanoseconds: $2) },
            defaultModel: defaultModel,
            inference: InferencePool(threads: poolThreads, limits: QueueLimits(configuration.inference), time: time),
            reloader: Reloader(source: source, stores: stores),
            tokenPool: tokenPool,
            bodyPool: bodyPool,
            managementPool: managementPool,
            modelPool: modelPool
        )
        services.metrics.observe(services, stores: stores)
        return try Gateway(
            services: services,
            loops: loopCount,
            stores: stores,
            tickets: tickets,
            signingKeys: signingKeyFile,
            sockets: sockets
        )
    }

    /// The cores that this process may use.
    private static var coreCount: Int {
        var cores = 0
        for line in (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8))?.split(separator: "\n") ?? []
        where line.hasPrefix("Cpus_allowed:") {
            for digit in line.dropFirst(13) { cores += digit.hexDigitValue?.nonzeroBitCount ?? 0 }
        }
        return max(1, cores)
    }

    // MARK: - Tenants and tokens

    private static func directory(of store: Store, _ tenants: [Tenant]) throws(StorageError) -> Directory {
        // The operators' keys hang on a tenant that is in no table, so that nobody can disable it.
        let operators = Tenant(
            id: .system,
            displayName: "Operators",
            plan: StateDirectory.operatorsPlan,
            createdAt: UnixTime(seconds: 0)
        )
        return Directory(
            tenants: [operators] + tenants,
            keys: try store.keys(),
            revokedTokens: try store.revokedTokens(),
            generation: try firstGeneration(store)
        )
    }

    /// Above every generation that an earlier process told of: each process has 2^32 of them.
    private static func firstGeneration(_ store: Store) throws(StorageError) -> UInt64 {
        let starts = try store.setting("starts").flatMap { UInt64($0) } ?? 0
        try store.set("starts", to: "\(starts + 1)")
        return starts << 32 + 1
    }

    private static func assignments(
        of store: Store,
        _ tenants: [Tenant],
        log: StructuredLog
    ) throws(StorageError) -> [(TenantID, Plan)] {
        let plans = Dictionary(uniqueKeysWithValues: try store.plans().map { ($0.name, $0) })
        return tenants.compactMap { tenant in
            guard let plan = plans[tenant.plan] else {
                log.error(
                    "a tenant's plan is missing, so it reaches no model",
                    ["tenant": .of(tenant.id), "plan": .of(tenant.plan)]
                )
                return nil
            }
            return (tenant.id, plan.overridden(by: tenant.overrides))
        }
    }

    private static func rotation(_ tokens: Configuration.Tokens) -> RotationPolicy {
        guard let algorithm = SignatureAlgorithm(rawValue: tokens.algorithm.rawValue) else {
            preconditionFailure("the configured algorithms are JOSE's names")
        }
        return RotationPolicy(
            algorithm: algorithm,
            period: Int64(tokens.rotationDays) * 86_400,
            publication: Int64(tokens.jwksMaxAgeSeconds),
            tokenLifetime: Int64(tokens.lifetimeSeconds),
            leeway: Int64(tokens.leewaySeconds)
        )
    }

    private static func minter(_ tokens: Configuration.Tokens, _ key: SigningKey) -> TokenMinter {
        TokenMinter(
            signingKey: key,
            issuer: tokens.issuer,
            audience: tokens.audience,
            type: TokenMinter.TokenType(rawValue: tokens.typ.rawValue) ?? .plain,
            lifetimeSeconds: Int64(tokens.lifetimeSeconds),
            leewaySeconds: Int64(tokens.leewaySeconds)
        )
    }

    private static func authenticator(
        _ tokens: Configuration.Tokens,
        _ directory: Directory,
        _ pepper: Pepper
    ) -> Authenticator {
        // Its keys come from the ring.
        let own = TrustedIssuer(issuer: tokens.issuer, audiences: [tokens.audience], keys: nil, kind: .local)
        return Authenticator(
            directory: directory,
            pepper: pepper,
            issuers: [own],
            audience: tokens.audience,
            leewaySeconds: Int64(tokens.leewaySeconds)
        )
    }

    // MARK: - Audit

    private static func auditLog(
        _ configuration: Configuration,
        _ state: StateDirectory,
        _ store: Store,
        _ signer: NoteSigner,
        time: TimeSource,
        log: StructuredLog
    ) throws -> AuditLog {
        // A log that lost what was durable has been tampered with, or is an old copy.
        let checkpoint = try Integrator.checkpoint(directory: state.auditLog, verifier: signer.verifier)?.checkpoint
        let charged = configuration.audit.durability == .durable ? try store.limitSnapshot().coveredIndex : 0
        let cosigned = try CosignedCheckpoints.read(directory: state.auditLog, verifier: signer.verifier)?.checkpoint
        let knownSize = max(charged, checkpoint?.size ?? 0, cosigned?.size ?? 0)
        let audit = try AuditLog(
            configuration: AuditConfiguration(
                directory: state.auditDirectory,
                durability: configuration.audit.durability,
                gateway: configuration.name,
                knownSize: knownSize
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
        return audit
    }

    private static func signer(_ configuration: Configuration, _ state: StateDirectory) throws -> NoteSigner {
        guard let signer = NoteSigner(name: configuration.auditOrigin, key: try state.auditKey()) else {
            preconditionFailure("the configuration's origin was checked, and the key is made for this")
        }
        return signer
    }

    private static func integrator(
        _ configuration: Configuration,
        _ state: StateDirectory,
        _ audit: AuditLog,
        _ signer: NoteSigner,
        time: TimeSource,
        log: StructuredLog
    ) throws -> Integrator {
        try Integrator(
            log: audit,
            directory: state.auditLog,
            signer: signer,
            interval: Int64(configuration.audit.checkpointMilliseconds) * 1_000_000,
            time: time
        ) { health in
            switch health {
            case .publishing: log.debug("checkpoints of the audit log are published")
            case .failed(let reason):
                log.error("no checkpoint of the audit log can be published", ["reason": .string(reason)])
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

    // MARK: - Models

    private static func loadModels(
        _ configuration: Configuration,
        sessions: Int,
        choices: [ModelName: ServingChoice],
        time: TimeSource,
        log: StructuredLog
    ) throws -> ModelRepository {
        let models = try ModelRepository(
            directory: configuration.models.directory,
            sessions: sessions,
            rules: try configuration.repositoryRules(),
            choices: choices,
            time: time
        )
        for status in models.list() {
            var fields: LogFields = ["model": .string(status.name.description), "version": .integer(status.version)]
            if let model = status.model {
                fields["engine"] = .string(model.engine?.rawValue ?? "none")
                fields["inference_us"] = .integer(model.cost.one / 1000)
                fields["runs_on"] = .string(model.runsOnLoop() ? "event loops" : "threads")
                if let signer = model.signer { fields["signer"] = .string(signer) }
                log.info("model loaded", fields)
            } else if status.phase == .failed {
                fields["reason"] = .string(status.reason)
                fields["detail"] = .string(status.detail)
                log.error("a model did not load; the others are served", fields)
            }
        }
        return models
    }
}
