// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// What the application has written and has not flushed, or may not send yet.
struct PendingWrites {
    private struct Write {
        let bytes: ByteBuffer
        let promise: EventLoopPromise<Void>?
    }

    /// More than a usual response has parts; a longer list's memory is given back after use.
    private static let retainedCount = 16

    private var writes: [Write] = []
    /// How many of `writes`, from the front, were followed by a flush.
    private var flushed = 0

    var hasFlushed: Bool { flushed > 0 }

    mutating func append(_ bytes: ByteBuffer, promise: EventLoopPromise<Void>?) {
        writes.append(Write(bytes: bytes, promise: promise))
    }

    mutating func markFlush() {
        flushed = writes.count
    }

    /// Encrypts all flushed writes into `buffers.ciphertext`, in as few records as they fit.
    func seal(through connection: inout TLSConnection, _ buffers: LoopBuffers) -> TLSConnection.Outcome {
        var total = 0
        for index in 0..<flushed {
            total += writes[index].bytes.readableBytes
        }
        // Each write may end in a record of its own: room for that, so that the buffer never moves.
        buffers.ciphertext.clear(minimumCapacity: TLSConnection.sealedSize(total) + 64 * flushed)
        if flushed == 1 {
            return Self.seal(writes[0].bytes, through: &connection, buffers)
        }
        buffers.gathered.clear(minimumCapacity: min(total, TLSConnection.recordSize))
        for index in 0..<flushed {
            var bytes = writes[index].bytes
            while bytes.readableBytes > 0 {
                let outcome: TLSConnection.Outcome
                let room = TLSConnection.recordSize - buffers.gathered.readableBytes
                if room == TLSConnection.recordSize, bytes.readableBytes >= room {
                    // Whole records need no gathering.
                    let length = bytes.readableBytes / room * room
                    outcome = Self.seal(bytes.readSlice(length: length) ?? bytes, through: &connection, buffers)
                } else {
                    var part = bytes.readSlice(length: min(room, bytes.readableBytes)) ?? bytes
                    let fills = part.readableBytes == room
                    buffers.gathered.writeBuffer(&part)
                    guard fills else { continue }
                    outcome = Self.seal(buffers.gathered, through: &connection, buffers)
                    buffers.gathered.clear()
                }
                guard case .done = outcome else { return outcome }
            }
        }
        return Self.seal(buffers.gathered, through: &connection, buffers)
    }

    private static func seal(
        _ bytes: ByteBuffer,
        through connection: inout TLSConnection,
        _ buffers: LoopBuffers
    ) -> TLSConnection.Outcome {
        guard bytes.readableBytes > 0 else { return .done }
        return bytes.withUnsafeReadableBytes { connection.write($0, into: &buffers.ciphertext) }
    }

    /// Forgets the flushed writes and returns one promise for all of theirs; nil when nobody asked.
    mutating func takeFlushed() -> EventLoopPromise<Void>? {
        var first: EventLoopPromise<Void>?
        for index in 0..<flushed {
            guard let promise = writes[index].promise else { continue }
            if let first {
                first.futureResult.cascade(to: promise)
            } else {
                first = promise
            }
        }
        if flushed == writes.count {
            writes.removeAll(keepingCapacity: writes.capacity <= Self.retainedCount)
        } else {
            writes.removeFirst(flushed)
        }
        flushed = 0
        return first
    }

    /// Forgets all writes and fails their promises.
    mutating func fail(_ error: any Error) {
        guard !writes.isEmpty else { return }
        let failed = writes
        writes = []
        flushed = 0
        // Only now, because whoever hears of it may write again.
        for write in failed {
            write.promise?.fail(error)
        }
    }
}
