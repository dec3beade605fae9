// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
    import Glibc
#endif

/// A bounded queue between event loops and pool threads.
///
/// Unchecked because `Synchronization` has no condition variable: `lock` guards every mutable property.
final class JobQueue: @unchecked Sendable {
    enum Outcome {
        case queued
        case full(waiting: Int, nanoseconds: Int64)
        case closed
    }

    private let capacity: Int
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let filled = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var isClosed = false
    /// A ring: `used` jobs from `head` on.
    private var ring: [InferenceJob?]
    private var head = 0
    private var used = 0
    /// The measured cost of what waits.
    private var nanoseconds: Int64 = 0

    init(capacity: Int) {
        self.capacity = capacity
        ring = Array(repeating: nil, count: capacity)
        pthread_mutex_init(lock, nil)
        pthread_cond_init(filled, nil)
    }

    deinit {
        pthread_cond_destroy(filled)
        pthread_mutex_destroy(lock)
        filled.deallocate()
        lock.deallocate()
    }

    func put(_ job: InferenceJob) -> Outcome {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        if isClosed { return .closed }
        guard used < capacity else { return .full(waiting: used, nanoseconds: nanoseconds) }
        ring[(head + used) % capacity] = job
        used += 1
        nanoseconds &+= job.cost
        pthread_cond_signal(filled)
        return .queued
    }

    /// The next job, when there is one; nil once the queue is closed.
    func take() -> InferenceJob? {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        while used == 0, !isClosed { pthread_cond_wait(filled, lock) }
        return used == 0 ? nil : removeFirst()
    }

    /// Closes the queue and returns what waited in it.
    func close() -> [InferenceJob] {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        isClosed = true
        var rest: [InferenceJob] = []
        while used > 0, let job = removeFirst() { rest.append(job) }
        pthread_cond_broadcast(filled)
        return rest
    }

    var count: Int {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return used
    }

    private func removeFirst() -> InferenceJob? {
        let job = ring[head]
        ring[head] = nil
        head = (head + 1) % capacity
        used -= 1
        nanoseconds &-= job?.cost ?? 0
        return job
    }
}

extension InferenceJob {
    fileprivate var cost: Int64 { model.cost.nanoseconds(instances: request.count) }
}
