// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOEmbedded
import NIOOpenSSL

/// The handler in an embedded channel, and a client that talks to it through memory.
final class Pair {
    let channel: EmbeddedChannel
    let application: Recorder
    let client: TestClient
    /// Channel writes that reached the transport since the last pump, by their sizes.
    private(set) var writeSizes: [Int] = []
    /// What the server said before the client said anything.
    private(set) var early: [UInt8] = []
    /// How many bytes the server gets at a time.
    var chunkSize = Int.max

    init(
        _ context: TLSContext,
        _ client: TestClient,
        application: Recorder = Recorder(),
        loop: EmbeddedEventLoop = EmbeddedEventLoop()
    ) throws {
        self.client = client
        self.application = application
        channel = EmbeddedChannel(loop: loop)
        try channel.pipeline.syncOperations.addHandlers([TLSServerHandler(context: context), application])
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/client")).wait()
    }

    deinit {
        // A close waits for the client's close_notify, which nobody will send any more.
        channel.close(promise: nil)
        channel.embeddedEventLoop.advanceTime(by: .hours(1))
        _ = try? channel.finish(acceptAlreadyClosed: true)
    }

    /// A pair that has shaken hands.
    static func connected(
        _ identity: TestIdentity,
        version: Int32,
        application: Recorder = Recorder()
    ) throws -> Pair {
        let pair = try Pair(
            TLSContext(configuration: identity.configuration),
            TestClient(version: version),
            application: application
        )
        pair.shakeHands()
        return pair
    }

    var isOpen: Bool { channel.isActive }

    func deliver(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = rest.prefix(chunkSize)
            rest = rest.dropFirst(part.count)
            try channel.writeInbound(ByteBuffer(bytes: part))
        }
    }

    /// Carries bytes from the server to the client.
    @discardableResult
    func collect() throws -> Int {
        writeSizes = []
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) {
            writeSizes.append(buffer.readableBytes)
            client.feed(Array(buffer.readableBytesView))
        }
        return writeSizes.reduce(0, +)
    }

    /// Carries bytes both ways once.
    func pump() throws {
        try deliver(client.takeOutput())
        try collect()
    }

    func shakeHands() {
        for _ in 0..<10 {
            let done = client.handshake()
            try? pump()
            if done, application.handshake != nil { break }
        }
        // Also takes in the ticket, which TLS 1.3 sends last.
        early = client.read()
    }
}
