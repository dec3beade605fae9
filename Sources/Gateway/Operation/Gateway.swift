// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Glibc
import Inference
import Storage
import Synchronization
import TLS
import Telemetry
import Transport

/// The running gateway: everything wired, both listeners open.
///
/// ```swift
/// let gateway = try Gateway.start(log: log) { try Configuration.load(file: "gateway.yaml") }
/// gateway.drain()
/// gateway.wait()
/// ```
public final class Gateway: Sendable {
    /// Where the tenants' listener is reached: the configured port, or the one that port 0 became.
    public let tenantPort: Int
    /// Where the management listener is reached, port 0 resolved likewise.
    public let managementPort: Int

    /// Kept from connections: for the log, the database, models and certificates.
    private static let reservedDescriptors = 256

    private let services: Services
    private let loops: [EventLoop]
    private let handles: [LoopHandle]
    private let listeners: [Listener]
    private let follower: Follower
    private let modelWatch: ModelWatch
    /// Each loop says once that its last connection has gone.
    private let quiet = WaitableQueue<Void>(capacity: 4096)
    private let isDraining = Atomic(false)

    init(
        services: Services,
        loops count: Int,
        stores: [CertificateStore],
        tickets: TicketKeyFile,
        signingKeys: SigningKeyFile,
        sockets: [ListenerSocket]
    ) throws {
        self.services = services
        let configuration = services.configuration
        let budget = DescriptorBudget.raised(reserving: Self.reservedDescriptors)
        loops = try (0..<count).map { try EventLoop(index: $0, time: services.time) }
        let contexts = loops.map { LoopContext(services: services, eventLoop: $0) }
        handles = contexts.map(\.handle)
        for context in contexts { context.start() }
        listeners = try stores.enumerated().map { place, store in
            try Listener(
                store,
                loops: contexts,
                socket: place < sockets.count ? sockets[place] : nil,
                budget: budget,
                configuration: configuration
            )
        }
        tenantPort = listeners[0].port
        managementPort = listeners[1].port
        follower = try Follower(services: services, stores: stores, tickets: tickets, signingKeys: signingKeys)
        for loop in loops { try loop.start() }
        let (handles, listeners) = (handles, listeners)
        services.takers.withLock { takers in
            takers.append { configuration, generation in
                handles.executeAndWait { $0.apply(configuration, generation: generation) }
                for listener in listeners { listener.apply(configuration) }
                services.publish(configuration.audit)
            }
        }
        try services.publication.apply(configuration.audit)
        services.served.serve(on: handles)
        modelWatch = try ModelWatch(services)
        services.life.serve()
    }

    // MARK: - While it runs

    /// Reads the configuration again; what came of it is in the log.
    public func reload() {
        _ = services.reloader.reload(services)
    }

    // MARK: - The end

    /// Stops accepting, lets every request under way finish, then ends; at the deadline what is left is cut off.
    public func drain() {
        guard isDraining.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else { return }
        services.life.drain()
        let seconds = services.configuration.drainSeconds
        services.log.info("draining", ["deadline_s": .integer(Int64(seconds))])
        for loop in loops {
            loop.execute { [quiet] in
                loop.becameQuiet = { _ = quiet.put(()) }
                loop.drain()
            }
        }
        let deadline = Int64(seconds) * 1_000_000_000
        // It ends with the process, or finds nothing left to do.
        _ = try? SystemThread(name: "drain-deadline") { [quiet, loops, services] in
            guard !quiet.waitUntilClosed(nanoseconds: deadline) else { return }
            services.log.warning("the drain's deadline has passed; open connections are cut off")
            for loop in loops { loop.execute { loop.abortAll() } }
            // What does not even close is not waited for.
            if !quiet.waitUntilClosed(nanoseconds: 1_000_000_000) { for _ in loops { _ = quiet.put(()) } }
        }
    }

    /// Blocks until the drain is over, then closes the log and the database.
    public func wait() throws {
        for _ in loops { _ = quiet.take() }
        quiet.close()
        follower.stop()
        modelWatch.stop()
        services.modelPool.shutdown()
        services.issuers.stop()
        services.publication.stop()
        services.tokenPool.shutdown()
        services.bodyPool.shutdown()
        services.managementPool.shutdown()
        services.inference.shutdown()
        services.served.shadows.shutdown()
        services.audit.close()
        services.integrator.stop()
        for loop in loops { loop.stop() }
        for loop in loops { loop.join() }
        try services.saveUses()
        try services.ledger.finish()
        try services.search.index.close()
        try services.store.close()
        services.log.info("ended", ["audit_records": .integer(Int64(services.audit.size))])
    }
}
