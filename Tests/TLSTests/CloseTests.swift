// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import NIOCore
import NIOEmbedded
import NIOOpenSSL
import Testing

@Suite struct CloseTests {
    let identity: TestIdentity

    init() throws {
        identity = try TestIdentity()
    }

    /// Watches a future without waiting for it.
    private final class Watch {
        private(set) var succeeded = false
        private(set) var error: (any Error)?

        init(_ future: EventLoopFuture<Void>) {
            let future = future.assumeIsolated()
            future.whenSuccess { self.succeeded = true }
            future.whenFailure { self.error = $0 }
        }
    }

    @Test(arguments: bothVersions)
    func `our close says close_notify and waits for the client's`(version: Int32) throws {
        let pair = try Pair.connected(identity, version: version)
        let closed = Watch(pair.channel.close())
        try pair.collect()
        _ = pair.client.read()
        #expect(pair.client.receivedCloseNotify)
        #expect(pair.isOpen)
        #expect(!closed.succeeded)
        pair.client.shutdown()
        try pair.pump()
        #expect(!pair.isOpen)
        #expect(closed.succeeded)
        #expect(pair.application.errors.isEmpty)
    }

    @Test(arguments: bothVersions)
    func `the client's close_notify is answered and the channel closes`(version: Int32) throws {
        let pair = try Pair.connected(identity, version: version)
        pair.client.shutdown()
        try pair.pump()
        _ = pair.client.read()
        #expect(pair.client.receivedCloseNotify)
        #expect(!pair.isOpen)
        #expect(pair.application.errors.isEmpty)
    }

    @Test func `data before the client's close_notify is delivered and its answer still leaves`() throws {
        let pair = try Pair.connected(identity, version: TLS1_3_VERSION, application: .echo())
        pair.client.write("last words")
        pair.client.shutdown()
        try pair.pump()
        #expect(pair.application.text == "last words")
        #expect(pair.client.readText() == "last words")
        #expect(pair.client.receivedCloseNotify)
    }

    @Test func `a client that never answers a close is waited for until the time is up`() throws {
        let pair = try Pair(identity.context { $0.closeTimeout = .seconds(3) }, TestClient())
        pair.shakeHands()
        let closed = Watch(pair.channel.close())
        pair.channel.embeddedEventLoop.advanceTime(by: .milliseconds(2999))
        #expect(pair.isOpen)
        pair.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(!pair.isOpen)
        #expect(closed.succeeded)
    }

    @Test func `data that comes while closing is thrown away`() throws {
        let pair = try Pair.connected(identity, version: TLS1_3_VERSION)
        pair.channel.close(promise: nil)
        pair.client.write("too late")
        try pair.pump()
        #expect(pair.application.bytes.isEmpty)
        #expect(pair.isOpen)
        pair.client.shutdown()
        try pair.pump()
        #expect(!pair.isOpen)
    }

    @Test func `a second close joins the first`() throws {
        let pair = try Pair.connected(identity, version: TLS1_3_VERSION)
        let first = Watch(pair.channel.close())
        let second = Watch(pair.channel.close())
        pair.client.shutdown()
        try pair.pump()
        #expect(first.succeeded)
        #expect(second.succeeded)
    }

    @Test func `a close before the handshake is immediate and fails what was held`() throws {
        let pair = try Pair(identity.context(), TestClient())
        let written = Watch(pair.channel.writeAndFlush(ByteBuffer(string: "held")))
        let closed = Watch(pair.channel.close())
        #expect(closed.succeeded)
        #expect(written.error as? ChannelError == .ioOnClosedChannel)
        #expect(try pair.collect() == 0)
    }

    @Test func `a close in the middle of the handshake is immediate`() throws {
        let pair = try Pair(identity.context(), TestClient())
        pair.client.handshake()
        try pair.pump()
        #expect(Watch(pair.channel.close()).succeeded)
        #expect(!pair.isOpen)
    }

    @Test func `a close after the end fails as any channel's does`() throws {
        let pair = try Pair.connected(identity, version: TLS1_3_VERSION)
        pair.client.shutdown()
        try pair.pump()
        #expect(Watch(pair.channel.close()).error as? ChannelError == .alreadyClosed)
    }

    @Test func `a write after close is refused`() throws {
        let pair = try Pair.connected(identity, version: TLS1_3_VERSION)
        pair.channel.close(promise: nil)
        try pair.collect()
        let written = Watch(pair.channel.writeAndFlush(ByteBuffer(string: "after")))
        #expect(written.error as? ChannelError == .ioOnClosedChannel)
        #expect(try pair.collect() == 0)
    }

    @Test func `a write that was not flushed fails at close`() throws {
        let pair = try Pair.connected(identity, version: TLS1_3_VERSION)
        let written = Watch(pair.channel.write(ByteBuffer(string: "forgotten")))
        pair.channel.close(promise: nil)
        #expect(written.error as? ChannelError == .ioOnClosedChannel)
    }

    @Test func `closing one direction only is refused`() throws {
        let pair = try Pair.connected(identity, version: TLS1_3_VERSION)
        #expect(Watch(pair.channel.close(mode: .output)).error as? ChannelError == .operationUnsupported)
        #expect(pair.isOpen)
    }

    @Test(arguments: bothVersions)
    func `a client that vanishes without close_notify shows as inactive, not as an error`(version: Int32) throws {
        let pair = try Pair.connected(identity, version: version)
        pair.channel.pipeline.fireChannelInactive()
        #expect(pair.application.inactive)
        #expect(pair.application.errors.isEmpty)
    }

    @Test func `a half-closed input without close_notify closes the channel`() throws {
        let pair = try Pair.connected(identity, version: TLS1_3_VERSION)
        pair.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(!pair.isOpen)
    }

    @Test func `a client that vanishes in the handshake is reported`() throws {
        let pair = try Pair(identity.context(), TestClient())
        pair.client.handshake()
        try pair.pump()
        pair.channel.pipeline.fireChannelInactive()
        #expect(pair.application.errors.map(\.code) == [.closedDuringHandshake])
    }

    @Test func `a connection that never says a word ends silently`() throws {
        let pair = try Pair(identity.context(), TestClient())
        pair.channel.pipeline.fireChannelInactive()
        #expect(pair.application.errors.isEmpty)
        #expect(pair.application.inactive)
    }

    @Test func `the application may close from inside a read`() throws {
        let pair = try Pair.connected(identity, version: TLS1_3_VERSION)
        pair.application.onRead = { context, buffer in
            context.writeAndFlush(NIOAny(buffer), promise: nil)
            context.close(promise: nil)
        }
        pair.client.write("quit")
        pair.client.shutdown()
        try pair.pump()
        #expect(pair.client.readText() == "quit")
        #expect(pair.client.receivedCloseNotify)
        #expect(!pair.isOpen)
    }
}
