// SPDX-License-Identifier: Apache-2.0

internal import TLS

/// Memory that the connections of one loop use in turn, so that one with nothing to do holds none.
struct LoopBuffers: ~Copyable {
    /// For one read of a socket.
    let received = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 64)
    /// For what it decrypts to.
    let plaintext = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 64)

    private static let spares = 256
    /// A queue that held more gives its memory back to the system.
    static let spareSize = 16 * 1024

    // Queues that are empty and have memory; the last one used is the next.
    private let queues = UnsafeMutablePointer<ByteQueue>.allocate(capacity: spares)
    private var count = 0

    deinit {
        queues.deinitialize(count: count)
        queues.deallocate()
        received.deallocate()
        plaintext.deallocate()
    }

    /// An empty queue, with memory if there is one.
    mutating func borrow() -> ByteQueue {
        guard count > 0 else { return ByteQueue() }
        count -= 1
        return (queues + count).move()
    }

    /// Takes back a queue that has run empty; `largest` is the most that it held.
    mutating func giveBack(_ queue: consuming ByteQueue, largest: Int) {
        guard count < Self.spares, largest <= Self.spareSize else { return }
        queue.removeAll()
        (queues + count).initialize(to: queue)
        count += 1
    }
}
