// SPDX-License-Identifier: Apache-2.0

import Audit
import Glibc
import Inference
import NIOCore
import NIOOpenSSL
import NIOPosix
import Storage
import Synchronization
import Telemetry

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

    init(services: Services, loops loopCount: Int, tenantTLS: TLSContext, managementTLS: TLSContext) throws {
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
                    // A long way is gone in steps, so that neither the snapshots nor the end must wait for it.
                    for _ in 0..<16 where !services.life.isDraining {
                        guard try services.search.follow() else { break }
                    }
                } catch {
                    services.log.error("the audit log cannot be followed", ["error": .string("\(error)")])
                }
            }
        }
    }
}
