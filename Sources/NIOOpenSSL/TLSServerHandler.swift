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
    public typealias InboundIn = ByteBuffer
    public typealias InboundOut = ByteBuffer
    public typealias OutboundIn = ByteBuffer
    public typealias OutboundOut = ByteBuffer

    private let tls: TLSContext
    private var connection: TLSConnection
    private var machine = TLSStateMachine()
    private var writes = PendingWrites()
    // Replaced by those of the event loop as soon as it is known.
    private var buffers = LoopBuffers()
    private var timer: Scheduled<Void>?
    private var closePromise: EventLoopPromise<Void>?
    private var firstByte: UInt8?
    private var readRequested = false

    /// A handler for one new connection, which keeps `context` alive.
    public init(context: TLSContext) {
        tls = context
        connection = TLSConnection(context: context)
    }

    // MARK: - Coming and going

    public func handlerAdded(context: ChannelHandlerContext) {
        buffers = tls.buffers(for: context.eventLoop)
        if context.channel.isActive {
            begin(context)
        }
    }

    public func handlerRemoved(context: ChannelHandlerContext) {
        end(context)
    }

    public func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

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
        if machine.ended() == .handshaking, firstByte != nil {
            context.fireErrorCaught(TLSError.closedDuringHandshake)
        }
        writes.fail(ChannelError.ioOnClosedChannel)
        closePromise?.succeed()
        closePromise = nil
    }

    // MARK: - Inbound

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

    public func read(context: ChannelHandlerContext) {
        readRequested = true
        context.read()
    }

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            // Without close_notify an end of input is the end (RFC 8446 section 6.1).
            _ = machine.ended()
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

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch machine.outbound() {
        case .hold, .encrypt:
            writes.append(TLSServerHandler.unwrapOutboundIn(data), promise: promise)
        case .refuse:
            promise?.fail(ChannelError.ioOnClosedChannel)
        }
    }

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
    private func sendOutput(_ context: ChannelHandlerContext, promise: EventLoopPromise<Void>? = nil) {
        guard connection.hasOutput else {
            promise?.succeed()
            return
        }
        buffers.ciphertext.clear(minimumCapacity: 1024)
        connection.takeOutput(into: &buffers.ciphertext)
        context.writeAndFlush(TLSServerHandler.wrapOutboundOut(buffers.ciphertext), promise: promise)
        buffers.ciphertext.releaseIfLarge()
    }

    // MARK: - Closing

    public func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch mode {
        case .input, .output:
            promise?.fail(ChannelError.operationUnsupported)
        case .all:
            closePromise.setOrCascade(to: promise)
            perform(machine.closeRequested(), context)
        }
    }

    private func perform(_ action: TLSStateMachine.CloseAction, _ context: ChannelHandlerContext) {
        switch action {
        case .sendCloseNotify:
            _ = connection.shutdown()
            writes.fail(ChannelError.ioOnClosedChannel)
            sayFarewell(context)
        case .closeChannel:
            stopTimer()
            writes.fail(ChannelError.ioOnClosedChannel)
            let promise = closePromise
            closePromise = nil
            context.close(promise: promise)
        case .wait:
            break
        }
    }

    /// Fails the connection: tells the application, sends OpenSSL's alert if it made one, closes.
    private func fail(_ error: TLSError, _ context: ChannelHandlerContext) {
        guard machine.failed() else { return }
        writes.fail(error)
        context.fireErrorCaught(error)
        sayFarewell(context)
    }

    /// Closing the channel throws away what it has not sent, so the last record must have left before.
    private func sayFarewell(_ context: ChannelHandlerContext) {
        startTimer(tls.closeTimeout, context)
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { _ in
            self.perform(self.machine.farewellSent(), context)
        }
        sendOutput(context, promise: sent)
    }

    // MARK: - Time

    private func startTimer(_ amount: TimeAmount, _ context: ChannelHandlerContext) {
        stopTimer()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: amount) {
            self.timer = nil
            self.timeOut(context)
        }
    }

    private func stopTimer() {
        timer?.cancel()
        timer = nil
    }

    private func timeOut(_ context: ChannelHandlerContext) {
        switch machine.state {
        case .handshaking:
            fail(.handshakeTimeout, context)
        case .closing:
            _ = machine.ended()
            perform(.closeChannel, context)
        case .idle, .active, .closed:
            break
        }
    }
}

@available(*, unavailable)
extension TLSServerHandler: Sendable {}
