// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// What waits for the writer, and the way to wake it.
///
/// `@unchecked Sendable`: every access to `state` holds `lock`.
final class SubmissionQueue: @unchecked Sendable {
    enum Take {
        /// What waited is in the caller's array now.
        case group
        /// Nothing came in the time given.
        case idle
        /// Closed, and nothing waits any more.
        case closed
    }

    /// A group that has so many bytes of payload takes no more batches: whoever submitted first must not wait for the
    /// disk to take what all others have.
    static let groupBytes = 1 << 20

    private enum Mode { case open, failing, closed }

    private struct State {
        var waiting: [RecordBatch] = []
        var bytes = 0
        var records = 0
        var mode = Mode.open
        var isWriterAsleep = false

        mutating func wakesWriter() -> Bool {
            defer { isWriterAsleep = false }
            return isWriterAsleep
        }
    }

    private let maximumBytes: Int
    private let lock = SignalledMutex()
    private var state = State()

    init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    // MARK: - Submitters

    /// Queues a batch; false when the log is failing, closed or full, and then it was not taken.
    func put(_ batch: RecordBatch) -> Bool {
        lock.lock()
        guard state.mode == .open, state.bytes + batch.byteCount <= maximumBytes else {
            lock.unlock()
            return false
        }
        state.bytes += batch.byteCount
        state.records += batch.count
        state.waiting.append(batch)
        let wakes = state.wakesWriter()
        lock.unlock()
        if wakes { lock.signal() }
        return true
    }

    /// Refuses all further submissions; the writer ends when it has written what waits.
    func close() {
        lock.lock()
        state.mode = .closed
        state.isWriterAsleep = false
        lock.unlock()
        lock.signal()
    }

    var count: Int {
        lock.lock()
        defer { lock.unlock() }
        return state.records
    }

    // MARK: - The writer

    /// Takes what waits, up to ``groupBytes`` or a single batch that is larger, for `group`, which is empty and whose
    /// memory serves for what comes; sleeps until there is something, or for `nanoseconds`.
    func take(_ group: inout [RecordBatch], within nanoseconds: Int64? = nil) -> Take {
        let deadline = nanoseconds.map(Self.deadline)
        lock.lock()
        defer { lock.unlock() }
        while state.waiting.isEmpty {
            if state.mode == .closed { return .closed }
            if !sleep(until: deadline) { return .idle }
        }
        if state.bytes <= Self.groupBytes {
            swap(&group, &state.waiting)
            state.bytes = 0
            state.records = 0
        } else {
            takeFirst(&group)
        }
        return .group
    }

    private func takeFirst(_ group: inout [RecordBatch]) {
        var bytes = 0
        for batch in state.waiting {
            guard group.isEmpty || bytes + batch.byteCount <= Self.groupBytes else { break }
            group.append(batch)
            bytes += batch.byteCount
            state.records -= batch.count
        }
        state.bytes -= bytes
        state.waiting.removeFirst(group.count)
    }

    /// Refuses submissions from now on and answers those that wait already.
    func beginFailing() -> [RecordBatch] {
        lock.lock()
        defer { lock.unlock() }
        if state.mode == .open { state.mode = .failing }
        let group = state.waiting
        state.waiting = []
        state.bytes = 0
        state.records = 0
        return group
    }

    func endFailing() {
        lock.lock()
        defer { lock.unlock() }
        if state.mode == .failing { state.mode = .open }
    }

    /// Waits while the log is failing; true when it was closed meanwhile.
    func pause(_ nanoseconds: Int64) -> Bool {
        let deadline = Self.deadline(nanoseconds)
        lock.lock()
        defer { lock.unlock() }
        while state.mode != .closed, sleep(until: deadline) {}
        return state.mode == .closed
    }

    /// False when the deadline passed.
    private func sleep(until deadline: Int64?) -> Bool {
        state.isWriterAsleep = true
        defer { state.isWriterAsleep = false }
        guard let deadline else {
            lock.wait()
            return true
        }
        return lock.wait(until: deadline)
    }

    private static func deadline(_ nanoseconds: Int64) -> Int64 { TimeSource.system.monotonic() + nanoseconds }
}
