// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL
public import NIOCore

extension TLSServerHandler {
    /// Says close_notify and closes when the client has said it too or the time is up; `promise` hears of the end.
    ///
    /// Before the end of the handshake the channel closes at once. Writes that were not flushed fail.
    public func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch mode {
        case .input, .output:
            promise?.fail(ChannelError.operationUnsupported)
        case .all:
            closePromise.setOrCascade(to: promise)
            perform(machine.closeRequested(), context)
        }
    }

    func perform(_ action: TLSStateMachine.CloseAction, _ context: ChannelHandlerContext) {
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
    func fail(_ error: TLSError, _ context: ChannelHandlerContext) {
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

    // MARK: Time

    func startTimer(_ amount: TimeAmount, _ context: ChannelHandlerContext) {
        stopTimer()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: amount) {
            self.timer = nil
            self.timeOut(context)
        }
    }

    func stopTimer() {
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
