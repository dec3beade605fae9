// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import NIOOpenSSL
import NIOPosix
import Synchronization

/// Accepts connections of one kind and sets up what carries their requests: TLS, the HTTP decoder, the handler.
final class Listener: Sendable {
    private let kind: ListenerKind
    private let tls: TLSContext
    private let loops: [ObjectIdentifier: LoopHandle]
    private let services: Services
    private let maxConnections: Int
    private let open = Atomic(0)
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
        guard open.wrappingAdd(1, ordering: .relaxed).newValue <= maxConnections else {
            open.wrappingSubtract(1, ordering: .relaxed)
            throw TooManyConnections()
        }
        channel.closeFuture.whenComplete { _ in self.open.wrappingSubtract(1, ordering: .relaxed) }
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderListSize = services.configuration.http.maxHeaderBytes
        limits.maxHeaderFieldSize = services.configuration.http.maxHeaderBytes
        limits.maxHeaderFieldCount = services.configuration.http.maxHeaderCount
        try channel.pipeline.syncOperations.addHandlers([
            TLSServerHandler(context: tls),
            ByteToMessageHandler(
                HTTPRequestDecoder(
                    leftOverBytesStrategy: .dropBytes,
                    informationalResponseStrategy: .drop,
                    limitConfiguration: limits
                )
            ),
            ConnectionHandler(
                loop: loop.onLoop,
                listener: kind,
                connectionID: nextConnection.wrappingAdd(1, ordering: .relaxed).oldValue
            ),
        ])
    }

    private struct TooManyConnections: Error {}
}
