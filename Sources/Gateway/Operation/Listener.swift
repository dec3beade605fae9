// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import NIOOpenSSL
import NIOPosix
import Synchronization
import Telemetry

/// Accepts connections of one kind and sets up what carries their requests: TLS, the HTTP decoder, the handler.
final class Listener: Sendable {
    private let kind: ListenerKind
    private let tls: TLSContext
    private let loops: [ObjectIdentifier: LoopHandle]
    private let services: Services
    private let maxConnections: Int
    private let open = Atomic(0)
    private let isFull = Atomic(false)
    private let nextConnection = Atomic<UInt64>(1)

    init(
        kind: ListenerKind,
        tls: TLSContext,
        loops: [ObjectIdentifier: LoopHandle],
        services: Services,
        maxConnections: Int
    ) {
        self.kind = kind
        self.tls = tls
        self.loops = loops
        self.services = services
        self.maxConnections = maxConnections
    }

    /// - Throws: ``StartError`` when the address cannot be taken.
    func bind(_ listener: Configuration.Listener, group: MultiThreadedEventLoopGroup) throws(StartError) -> any Channel
    {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.prepare(channel) }
            }
        do {
            return try bootstrap.bind(host: listener.address, port: listener.port).wait()
        } catch let error as IOError {
            let reason =
                switch error.errnoCode {
                case EADDRINUSE: "another program has that port; end it, or set another port"
                case EACCES: "this port needs a privilege the program does not have; set one above 1023"
                case EADDRNOTAVAIL: "this machine has no such address"
                default: "\(error)"
                }
            throw StartError(
                description: "the \(kind.rawValue) listener cannot bind \(listener.address):\(listener.port): \(reason)"
            )
        } catch {
            throw StartError(
                description: "the \(kind.rawValue) listener cannot bind \(listener.address):\(listener.port): \(error)"
            )
        }
    }

    private func prepare(_ channel: any Channel) throws {
        guard let loop = loops[ObjectIdentifier(channel.eventLoop)] else {
            preconditionFailure("a connection came to a loop of another group")
        }
        let count = open.wrappingAdd(1, ordering: .relaxed).newValue
        guard count <= maxConnections else {
            open.wrappingSubtract(1, ordering: .relaxed)
            if isFull.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged {
                services.log.warning(
                    "connections are turned away: there are as many as http.max_connections allows",
                    ["listener": .string(kind.rawValue)]
                )
            }
            throw TooManyConnections()
        }
        isFull.store(false, ordering: .relaxed)
        channel.closeFuture.whenComplete { _ in self.open.wrappingSubtract(1, ordering: .relaxed) }
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderListSize = services.configuration.http.maxHeaderBytes
        limits.maxHeaderFieldSize = services.configuration.http.maxHeaderBytes
        limits.maxHeaderFieldCount = services.configuration.http.maxHeaderCount
        let connection = ConnectionHandler(
            loop: loop.onLoop,
            listener: kind,
            connectionID: nextConnection.wrappingAdd(1, ordering: .relaxed).oldValue
        )
        try channel.pipeline.syncOperations.addHandlers([
            TLSServerHandler(context: tls),
            HeadWatch(connection: connection),
            ByteToMessageHandler(
                HTTPRequestDecoder(
                    leftOverBytesStrategy: .dropBytes,
                    informationalResponseStrategy: .drop,
                    limitConfiguration: limits
                )
            ),
            connection,
        ])
    }

    private struct TooManyConnections: Error {}
}

/// Tells the connection of each delivery before the decoder has it: the decoder says nothing until a head is whole.
private final class HeadWatch: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let connection: ConnectionHandler

    init(connection: ConnectionHandler) {
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection.headBegan()
        context.fireChannelRead(data)
    }
}

@available(*, unavailable)
extension HeadWatch: Sendable {}
