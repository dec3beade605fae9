// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TLS
import Telemetry
import Transport

/// One of the two doors: its sockets, one for each loop, and what a new connection is given.
final class Listener: Sendable {
    let kind: ListenerKind
    let port: Int
    private let limits: ConnectionLimits
    private let budget: DescriptorBudget
    private let loops: [EventLoop]

    /// Accepts from the start of the loops on.
    ///
    /// - Parameter socket: an inherited one, shared by all loops; nil to bind one for each.
    /// - Throws: ``StartError`` when the address cannot be taken.
    init(
        _ store: CertificateStore,
        loops: [LoopContext],
        socket: ListenerSocket?,
        budget: DescriptorBudget,
        configuration: Configuration
    ) throws {
        kind = store.kind
        self.budget = budget
        self.loops = loops.map(\.eventLoop)
        let address = configuration[store.kind]
        let sockets: [ListenerSocket]
        do throws(ListenerError) {
            if let socket {
                sockets = Array(repeating: socket, count: loops.count)
            } else {
                sockets = try ListenerSocket.open(
                    host: address.address,
                    port: UInt16(address.port),
                    count: loops.count
                )
            }
        } catch {
            throw StartError(description: "the \(store.kind.rawValue) listener \(error.description)")
        }
        port = Int(sockets[0].address.port)
        limits = ConnectionLimits(Self.bounds(configuration.http, budget))
        for (socket, context) in zip(sockets, loops) {
            try context.eventLoop.listen(socket, Self.acceptor(store, context, limits))
        }
    }

    private static func acceptor(
        _ store: CertificateStore,
        _ context: LoopContext,
        _ limits: ConnectionLimits
    ) -> AcceptorConfiguration {
        let kind = store.kind
        // Both run on the context's own loop.
        nonisolated(unsafe) let entrance = Entrance(loop: context, listener: kind)
        nonisolated(unsafe) let context = context
        return AcceptorConfiguration(
            tag: kind.tag,
            tls: store.holder,
            settings: settings(context.limits),
            limits: limits,
            makeHandler: { _ in
                context.meters.opened(kind)
                return entrance
            },
            refused: { refusal, _ in context.turnedAway(kind, refusal) }
        )
    }

    /// Takes other limits for the connections that come, and other times for all.
    func apply(_ configuration: Configuration) {
        limits.set(Self.bounds(configuration.http, budget))
        let settings = Self.settings(configuration.http)
        let tag = kind.tag
        for loop in loops { loop.execute { loop.apply(settings, tag: tag) } }
    }

    private static func bounds(_ http: Configuration.HTTP, _ budget: DescriptorBudget) -> ConnectionLimits.Settings {
        ConnectionLimits.Settings(
            total: min(http.maxConnections, budget.connections),
            perSource: http.maxConnectionsPerSource,
            handshakes: http.maxHandshakes,
            handshakesPerSource: http.maxHandshakes
        )
    }

    private static func settings(_ http: Configuration.HTTP) -> AcceptorSettings {
        AcceptorSettings(
            handshakeSeconds: Double(http.handshakeSeconds),
            writeStallSeconds: Double(http.writeSeconds),
            // As much as a body may have: a client that is still sending one hears why it need not.
            lingerBytes: http.maxBodyBytes,
            // What a slow reader may make wait in memory; its answer's rest waits where it is.
            highWaterMark: 128 * 1024,
            lowWaterMark: 32 * 1024
        )
    }
}

extension ListenerKind {
    /// Tells the two apart where they are numbers.
    fileprivate var tag: Int { self == .tenant ? 0 : 1 }
}

/// Waits for the handshakes of a loop's new connections and gives each the protocol that it settled on.
private final class Entrance: ConnectionHandler {
    private unowned let loop: LoopContext
    private let listener: ListenerKind

    init(loop: LoopContext, listener: ListenerKind) {
        self.loop = loop
        self.listener = listener
    }

    func connected(_ connection: Connection) {
        guard let agreement = connection.agreement else { return connection.abort() }
        loop.meters.handshake(listener, agreement)
        connection.handler =
            agreement.applicationProtocol == .http2
            ? HTTP2Connection(connection, loop: loop, listener: listener)
            : HTTP1Connection(connection, loop: loop, listener: listener)
    }

    func closed(_ connection: Connection, _ reason: CloseReason) {
        loop.meters.handshakeFailed(listener)
        loop.meters.closed(listener, reason)
        if case .displaced = reason { loop.turnedAway(listener, .tooManyHandshakes) }
    }

    func drain(_ connection: Connection) {}
    func deadlinePassed(_ connection: Connection) { connection.abort() }
    func peerEnded(_ connection: Connection) { connection.abort() }
    func received(_ connection: Connection, _ bytes: UnsafeRawBufferPointer) { connection.abort() }
    func outputDrained(_ connection: Connection) {}
}
