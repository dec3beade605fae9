// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOEmbedded
import NIOHTTP1

/// NIO's decoder (llhttp), fed so that it shows where it sees a head or a request end.
///
/// It is given the bytes in pieces that are cut at each place where our parser sees an end, and one byte before: what
/// our parser says is right when the decoder says it at the same byte.
struct Oracle {
    /// The first thing that our parser takes and the decoder does not, or takes elsewhere; nil when there is none.
    static func objection(to reading: Reading, of bytes: [UInt8]) -> String? {
        let recorder = Recorder()
        let channel = EmbeddedChannel(handlers: [ByteToMessageHandler(HTTPRequestDecoder()), recorder])
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        var fed = 0
        func feed(to end: Int) {
            guard end > fed else { return }
            channel.pipeline.fireChannelRead(ByteBuffer(bytes: bytes[fed..<end]))
            fed = end
        }
        for (index, mark) in reading.marks.enumerated() {
            // A request without a body ends with its head.
            if index == 0 || reading.marks[index - 1].offset < mark.offset {
                feed(to: mark.offset - 1)
                if recorder.failed { return "it refuses what stands before \(mark)" }
                guard recorder.marks.count == index else { return "it is done before \(mark)" }
            }
            feed(to: mark.offset)
            guard recorder.marks.count > index else {
                return recorder.failed ? "it refuses \(mark)" : "it goes on behind \(mark)"
            }
            // It came with the byte at `mark.offset`, neither before nor behind.
            recorder.marks[index].offset = mark.offset
            guard recorder.marks[index] == mark else { return "\(recorder.marks[index]) where we see \(mark)" }
            if mark.kind == .end, recorder.isUpgrade { return nil }
        }
        if reading.fault == nil, !reading.isOver {
            feed(to: bytes.count)
            if recorder.failed {
                // Of a head nothing is taken before all of it is here; of a body every byte is.
                return reading.marks.last?.kind == .head ? "it refuses a body that we are reading" : nil
            }
            if recorder.marks.count != reading.marks.count {
                return "it sees \(recorder.marks) where we see none"
            }
            if recorder.openBodyBytes != reading.openBodyBytes {
                return "it has \(recorder.openBodyBytes) bytes of a body where we have \(reading.openBodyBytes)"
            }
        }
        return nil
    }

    private final class Recorder: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart

        var marks: [Reading.Mark] = []
        var failed = false
        var isUpgrade = false
        var openBodyBytes = 0
        private var head: HTTPRequestHead?

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch Recorder.unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                isUpgrade = head.headers.contains(name: "upgrade")
                mark(.head)
            case .body(let bytes): openBodyBytes += bytes.readableBytes
            case .end:
                mark(.end)
                openBodyBytes = 0
            }
        }

        private func mark(_ kind: Reading.Mark.Kind) {
            guard let head else { return }
            marks.append(
                Reading.Mark(
                    kind: kind,
                    offset: 0,
                    // NIO spells this one in its own way.
                    method: head.method == .MSEARCH ? "M-SEARCH" : head.method.rawValue,
                    target: head.uri,
                    bodyBytes: openBodyBytes
                )
            )
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { failed = true }
    }
}
