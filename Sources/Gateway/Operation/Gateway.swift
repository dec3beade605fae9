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

    private let services: Services
    private let loops: [EventLoop]
    private let contexts: [LoopHandle]
    private let listeners: [Listener]
    private let follower: Follower
    private let ended = WaitableQueue<Void>(capacity: 8)
    private let isDraining = Atomic(false)

    init(services: Services, loops loopCount: Int, stores: [CertificateStore]) throws {
        self.services = services
        let configuration = services.configuration
        let budget = DescriptorBudget.raise()
        loops = try (0..<loopCount).map { try EventLoop(index: $0) }
        let contexts = loops.map { LoopContext(services: services, eventLoop: $0) }
        self.contexts = contexts.map(\.handle)
        listeners = try stores.map { store in
            try Listener(store, loops: contexts, services: services, settings: configuration, budget: budget)
        }
        tenantPort = listeners[0].port
        managementPort = listeners[1].port
        follower = try Follower(services: services, stores: stores)
        for context in contexts { context.start() }
        for loop in loops { try loop.start() }
        let handles = self.contexts
        let listeners = listeners
        services.takers.withLock { takers in
            takers.append { configuration, generation in
                handles.executeAndWait { $0.apply(configuration, generation: generation) }
                for listener in listeners { listener.apply(configuration) }
            }
        }
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
        for listener in listeners { listener.close() }
        let left = Atomic(loops.count)
        _ = left
        for loop in loops {
            loop.execute { [ended] in
                loop.drain { _ = ended.push(()) }
            }
        }
    }

    /// Blocks until the drain is over, then closes the log and the database.
    public func wait() throws {
        // Each loop says once that it is quiet; the deadline is counted from the first.
        for _ in loops { _ = ended.pop() }
        follower.stop()
        services.tokenPool.shutdown()
        services.managementPool.shutdown()
        services.inference.shutdown()
        services.audit.close()
        for loop in loops { loop.stop() }
        try services.ledger.finish()
        try services.search.index.close()
        try services.store.close()
        services.log.info("ended", ["audit_records": .integer(Int64(services.audit.size))])
    }
}
