// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What waits for the writer, and the way to wake it.
///
/// `@unchecked Sendable`: every access to `state` holds `mutex`.
final class SubmissionQueue: @unchecked Sendable {
    enum Take {
        /// What waited is in the caller's array now.
        case group
        /// Nothing came in the time given.
        case idle
        /// Closed, and nothing waits any more.
        case closed
    }

    private enum Mode { case open, failing, closed }

    private struct State {
        var waiting: [RecordBatch] = []
        var bytes = 0
        var records = 0
        var mode = Mode.open
        var isWriterAsleep = false
    }

    private let maximumBytes: Int
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var state = State()

    init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    // MARK: - Submitters

    /// Queues a batch; false when the log is failing, closed or full, and then it was not taken.
    func put(_ batch: RecordBatch) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        guard state.mode == .open, state.bytes + batch.byteCount <= maximumBytes else { return false }
        state.bytes += batch.byteCount
        state.records += batch.count
        state.waiting.append(batch)
        if state.isWriterAsleep {
            state.isWriterAsleep = false
            pthread_cond_signal(condition)
        }
        return true
    }

    /// Refuses all further submissions; the writer ends when it has written what waits.
    func close() {
        pthread_mutex_lock(mutex)
        state.mode = .closed
        state.isWriterAsleep = false
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    var count: Int {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return state.records
    }

    // MARK: - The writer

    /// Takes everything that waits, for `group`, which is empty and whose memory serves for what comes; sleeps until there
    /// is something, or for `nanoseconds`.
    func take(_ group: inout [RecordBatch], within nanoseconds: Int64? = nil) -> Take {
        let deadline = nanoseconds.map(Self.deadline)
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while state.waiting.isEmpty {
            if state.mode == .closed { return .closed }
            if !sleep(until: deadline) { return .idle }
        }
        swap(&group, &state.waiting)
        state.bytes = 0
        state.records = 0
        return .group
    }

    /// Refuses submissions from now on and answers those that wait already.
    func beginFailing() -> [RecordBatch] {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        if state.mode == .open { state.mode = .failing }
        let group = state.waiting
        state.waiting = []
        state.bytes = 0
        state.records = 0
        return group
    }

    func endFailing() {
        pthread_mutex_lock(mutex)
        if state.mode == .failing { state.mode = .open }
        pthread_mutex_unlock(mutex)
    }

    /// Waits while the log is failing; true when it was closed meanwhile.
    func pause(_ nanoseconds: Int64) -> Bool {
        let deadline = Self.deadline(nanoseconds)
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while state.mode != .closed, sleep(until: deadline) {}
        return state.mode == .closed
    }

    /// False when the deadline passed.
    private func sleep(until deadline: timespec?) -> Bool {
        state.isWriterAsleep = true
        defer { state.isWriterAsleep = false }
        guard var deadline else {
            pthread_cond_wait(condition, mutex)
            return true
        }
        return pthread_cond_timedwait(condition, mutex, &deadline) != ETIMEDOUT
    }

    private static func deadline(_ nanoseconds: Int64) -> timespec {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let total = Int64(time.tv_nsec) + nanoseconds
        time.tv_sec += Int(total / 1_000_000_000)
        time.tv_nsec = Int(total % 1_000_000_000)
        return time
    }
}
