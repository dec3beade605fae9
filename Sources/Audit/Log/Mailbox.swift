// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Where a submitter finds its batches again.
public final class Mailbox: Sendable {
    private let done = Mutex<[RecordBatch]>([])
    private let wake: @Sendable () -> Void

    /// - Parameter wake: called once for each group of the log that has a batch of this mailbox, on the writer's thread, or
    ///   on the submitter's when the log cannot take a batch. It must return at once.
    public init(wake: @escaping @Sendable () -> Void) {
        self.wake = wake
    }

    /// Takes the batches that are done, in the order of their submission, for `batches`, whose memory serves for the next.
    ///
    /// - Precondition: `batches` is empty.
    public func take(_ batches: inout [RecordBatch]) {
        precondition(batches.isEmpty, "what was taken before was looked at")
        done.withLock { swap(&$0, &batches) }
    }

    /// Gives batches back that have their outcome, and wakes each owner once.
    static func deliver(_ batches: [RecordBatch]) {
        for batch in batches { batch.mailbox.done.withLock { $0.append(batch) } }
        for (place, batch) in batches.enumerated()
        where !batches[..<place].contains(where: { $0.mailbox === batch.mailbox }) {
            batch.mailbox.wake()
        }
    }
}
