// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOOpenSSL

/// The application above TLS: writes down what it hears and can echo it.
final class Recorder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private(set) var bytes: [UInt8] = []
    private(set) var reads = 0
    private(set) var handshake: TLSHandshakeCompleted?
    private(set) var errors: [TLSError] = []
    private(set) var otherErrors: [any Error] = []
    private(set) var inactive = false

    /// Called with every read, after it was written down.
    var onRead: ((ChannelHandlerContext, ByteBuffer) -> Void)?

    var text: String { String(decoding: bytes, as: UTF8.self) }

    static func echo() -> Recorder {
        let recorder = Recorder()
        recorder.onRead = { context, buffer in
            context.writeAndFlush(NIOAny(buffer), promise: nil)
        }
        return recorder
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = Self.unwrapInboundIn(data)
        reads += 1
        bytes += buffer.readableBytesView
        onRead?(context, buffer)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? TLSHandshakeCompleted {
            handshake = event
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? TLSError {
            errors.append(error)
        } else {
            otherErrors.append(error)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        inactive = true
        context.fireChannelInactive()
    }
}
