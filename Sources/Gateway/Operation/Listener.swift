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
    private let doors: [Door]

    /// An acceptor on its loop.
    private struct Door: @unchecked Sendable {
        let loop: EventLoop
        // Used on the loop alone.
        let acceptor: Acceptor
    }

    /// - Parameter sockets: inherited ones; empty to bind.
    /// - Throws: ``StartError`` when the address cannot be taken.
    init(
        _ store: CertificateStore,
        loops: [LoopContext],
        sockets: [Int32],
        budget: DescriptorBudget,
        configuration: Configuration
    ) throws(StartError) {
        kind = store.kind
        self.budget = budget
        let address = configuration[store.kind]
        limits = ConnectionLimits(Self.bounds(configuration.http, budget))
        var port = address.port
        var doors: [Door] = []
        do throws(TransportError) {
            for (place, context) in loops.enumerated() {
                let socket =
                    sockets.isEmpty
                    ? try ListeningSocket(address: address.address, port: port)
                    : try ListeningSocket(adopting: sockets[place % sockets.count], shared: place >= sockets.count)
                port = socket.port
                doors.append(Door(loop: context.eventLoop, acceptor: Self.acceptor(socket, store, context, limits)))
            }
        } catch {
            throw StartError(
                description:
                    "the \(store.kind.rawValue) listener cannot bind \(address.address):\(address.port): \(error)"
            )
        }
        self.port = port
        self.doors = doors
    }

    private static func acceptor(
        _ socket: ListeningSocket,
        _ store: CertificateStore,
        _ context: LoopContext,
        _ limits: ConnectionLimits
    ) -> Acceptor {
        let kind = store.kind
        let entrance = Entrance(loop: context, listener: kind)
        return Acceptor(
            socket,
            on: context.eventLoop,
            contexts: store.holder,
            limits: limits,
            settings: settings(context.limits),
            handler: { _ in
                context.meters.opened(kind)
                return entrance
            },
            refused: { context.meters.refused(kind, $0) }
        )
    }

    /// Takes other limits for the connections that come.
    func apply(_ configuration: Configuration) {
        limits.set(Self.bounds(configuration.http, budget))
        let settings = Self.settings(configuration.http)
        for door in doors { door.loop.execute { door.acceptor.settings = settings } }
    }

    /// Takes what waits, then accepts no more.
    func close() {
        for door in doors { door.loop.execute { door.acceptor.stop() } }
    }

    private static func bounds(_ http: Configuration.HTTP, _ budget: DescriptorBudget) -> ConnectionLimits.Bounds {
        ConnectionLimits.Bounds(
            connections: min(http.maxConnections, budget.connections),
            perSource: http.maxConnectionsPerSource,
            handshakes: http.maxHandshakes
        )
    }

    private static func settings(_ http: Configuration.HTTP) -> Acceptor.Settings {
        Acceptor.Settings(
            handshakeNanoseconds: Int64(http.handshakeSeconds) * 1_000_000_000,
            writeNanoseconds: Int64(http.writeSeconds) * 1_000_000_000
        )
    }
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
    }

    func drain(_ connection: Connection) { connection.close() }
    func deadlinePassed(_ connection: Connection) { connection.abort() }
    func peerEnded(_ connection: Connection) { connection.abort() }
    func received(_ connection: Connection, _ bytes: UnsafeRawBufferPointer) { connection.abort() }
    func outputDrained(_ connection: Connection) {}
}
