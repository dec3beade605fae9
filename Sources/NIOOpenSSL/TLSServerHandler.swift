// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL
public import NIOCore

/// The server side of TLS as a channel handler: records outside, plaintext inside, `ByteBuffer` both ways.
///
/// Put it first in the pipeline of an accepted channel, one per channel. It fires ``TLSHandshakeCompleted`` when the
/// handshake has ended well and ``TLSError`` through `errorCaught` when the connection failed, after which it closes
/// the channel. Bytes written earlier wait for the end of the handshake. Everything written between two flushes leaves
/// in as few records as it fits and in one write.
///
/// Closing sends close_notify and waits for the peer's, up to ``TLSConfiguration/closeTimeout``, so that a reset cannot
/// overtake the last bytes. A peer that goes away without close_notify shows as `channelInactive` alone: whether the
/// data was complete is for the protocol above to judge. Closing one direction only is not supported.
public final class TLSServerHandler: ChannelDuplexHandler {
    /// Records from the client.
    public typealias InboundIn = ByteBuffer
    /// Plaintext for the application; valid to keep, cheapest when let go by the end of the read.
    public typealias InboundOut = ByteBuffer
    /// Plaintext from the application.
    public typealias OutboundIn = ByteBuffer
    /// Records for the client.
    public typealias OutboundOut = ByteBuffer

    let tls: TLSContext
    var connection: TLSConnection
    var machine = TLSStateMachine()
    var writes = PendingWrites()
    // Replaced by those of the event loop as soon as it is known.
    private var buffers = LoopBuffers()
    var timer: Scheduled<Void>?
    var closePromise: EventLoopPromise<Void>?
    var firstByte: UInt8?
    private var readRequested = false

    /// A handler for one new connection, which keeps `context` alive.
    public init(context: TLSContext) {
        tls = context
        connection = TLSConnection(context: context)
    }

    // MARK: - Coming and going

    /// Starts to wait for the handshake when the channel is connected already.
    public func handlerAdded(context: ChannelHandlerContext) {
        buffers = tls.buffers(for: context.eventLoop)
        if context.channel.isActive {
            begin(context)
        }
    }

    /// Fails what was not sent.
    public func handlerRemoved(context: ChannelHandlerContext) {
        end(context)
    }

    /// Starts to wait for the handshake.
    public func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    /// Fails what was not sent; an unfinished handshake is reported as ``TLSError/Code/closedDuringHandshake``.
    public func channelInactive(context: ChannelHandlerContext) {
        end(context)
        context.fireChannelInactive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard machine.activated() else { return }
        startTimer(tls.handshakeTimeout, context)
        // The client speaks first, and nobody above asks for bytes before the handshake is done.
        context.read()
    }

    private func end(_ context: ChannelHandlerContext) {
        stopTimer()
        reportEnd(context)
        writes.fail(ChannelError.ioOnClosedChannel)
        closePromise?.succeed()
        closePromise = nil
    }

    /// The client is gone. A port probe that never said a word is no event.
    private func reportEnd(_ context: ChannelHandlerContext) {
        if machine.ended() == .handshaking, firstByte != nil {
            context.fireErrorCaught(TLSError.closedDuringHandshake)
        }
    }

    // MARK: - Inbound

    /// Takes records; fires one read with all the plaintext they held.
    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        receive(TLSServerHandler.unwrapInboundIn(data), context)
    }

    private func receive(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        switch machine.received() {
        case .begin:
            begin(context)
            continueHandshake(bytes, context)
        case .handshake:
            continueHandshake(bytes, context)
        case .decrypt:
            decrypt(bytes, context, deliver: true)
        case .drain:
            decrypt(bytes, context, deliver: false)
        case .discard:
            break
        }
    }

    /// Asks for more bytes where the application cannot know that they are needed.
    public func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        switch machine.state {
        case .handshaking, .closing:
            context.read()
        case .active where readRequested:
            // The bytes that came were no whole record; whoever asked is still waiting.
            context.read()
        case .idle, .active, .closed:
            break
        }
    }

    /// Passes the request on and remembers it until plaintext has come.
    public func read(context: ChannelHandlerContext) {
        readRequested = true
        context.read()
    }

    /// Ends the connection when the client has closed its side without close_notify.
    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            // Without close_notify an end of input is the end (RFC 8446 section 6.1).
            reportEnd(context)
            perform(.closeChannel, context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func continueHandshake(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        if firstByte == nil {
            firstByte = bytes.getInteger(at: bytes.readerIndex)
        }
        var rest = bytes
        switch connection.handshake(with: &rest) {
        case .wantsMore:
            sendOutput(context)
        case .done:
            machine.handshakeCompleted()
            stopTimer()
            context.fireUserInboundEventTriggered(connection.agreement)
            if writes.hasFlushed {
                sealPending(context)
            }
            sendOutput(context)
            // Even when nothing is left here: OpenSSL reads ahead.
            receive(rest, context)
        case .peerClosed:
            fail(.closedDuringHandshake, context)
        case .failed(let entry):
            fail(.handshake(entry, firstByte: firstByte), context)
        }
    }

    private func decrypt(_ bytes: ByteBuffer, _ context: ChannelHandlerContext, deliver: Bool) {
        buffers.plaintext.clear(minimumCapacity: max(bytes.readableBytes, 1024))
        let outcome = connection.read(bytes, into: &buffers.plaintext)
        if deliver, buffers.plaintext.readableBytes > 0 {
            readRequested = false
            context.fireChannelRead(TLSServerHandler.wrapInboundOut(buffers.plaintext))
        }
        buffers.plaintext.releaseIfLarge()
        switch outcome {
        case .done, .wantsMore:
            sendOutput(context)
        case .peerClosed:
            perform(machine.peerClosed(), context)
        case .failed(let entry):
            fail(.connection(entry), context)
        }
    }

    // MARK: - Outbound

    /// Keeps plaintext for the next flush.
    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch machine.outbound() {
        case .hold, .encrypt:
            writes.append(TLSServerHandler.unwrapOutboundIn(data), promise: promise)
        case .refuse:
            promise?.fail(ChannelError.ioOnClosedChannel)
        }
    }

    /// Encrypts and sends all that was written, or leaves it marked for the end of the handshake.
    public func flush(context: ChannelHandlerContext) {
        writes.markFlush()
        switch machine.outbound() {
        case .hold, .refuse:
            break
        case .encrypt:
            if writes.hasFlushed {
                sealPending(context)
            }
        }
        context.flush()
    }

    private func sealPending(_ context: ChannelHandlerContext) {
        switch writes.seal(through: &connection, buffers) {
        case .done:
            let promise = writes.takeFlushed()
            context.writeAndFlush(TLSServerHandler.wrapOutboundOut(buffers.ciphertext), promise: promise)
            buffers.ciphertext.releaseIfLarge()
        case .wantsMore, .peerClosed:
            fail(.connection(nil), context)
        case .failed(let entry):
            fail(.connection(entry), context)
        }
    }

    /// Sends what OpenSSL has put aside; completes `promise` at once when that is nothing.
    func sendOutput(_ context: ChannelHandlerContext, promise: EventLoopPromise<Void>? = nil) {
        guard connection.hasOutput else {
            promise?.succeed()
            return
        }
        buffers.ciphertext.clear(minimumCapacity: 1024)
        connection.takeOutput(into: &buffers.ciphertext)
        context.writeAndFlush(TLSServerHandler.wrapOutboundOut(buffers.ciphertext), promise: promise)
        buffers.ciphertext.releaseIfLarge()
    }
}

@available(*, unavailable)
extension TLSServerHandler: Sendable {}
