// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// A bounded queue between event loops and pool threads, which knows what the work in it costs.
///
/// Unchecked because `lock` guards every mutable property.
final class JobQueue: @unchecked Sendable {
    enum Outcome {
        case queued
        case full(waiting: Int, nanoseconds: Int64)
        case closed
    }

    private let capacity: Int
    private let lock = SignalledMutex()
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
    }

    func put(_ job: InferenceJob) -> Outcome {
        let outcome = add(job)
        if case .queued = outcome { lock.signal() }
        return outcome
    }

    private func add(_ job: InferenceJob) -> Outcome {
        lock.lock()
        defer { lock.unlock() }
        if isClosed { return .closed }
        guard used < capacity else { return .full(waiting: used, nanoseconds: nanoseconds) }
        ring[(head + used) % capacity] = job
        used += 1
        nanoseconds &+= job.cost
        return .queued
    }

    /// The next job, when there is one; nil once the queue is closed.
    func take() -> InferenceJob? {
        lock.lock()
        defer { lock.unlock() }
        while used == 0, !isClosed { lock.wait() }
        return used == 0 ? nil : removeFirst()
    }

    /// Closes the queue and returns what waited in it.
    func close() -> [InferenceJob] {
        lock.lock()
        defer { lock.unlock() }
        isClosed = true
        var rest: [InferenceJob] = []
        while used > 0, let job = removeFirst() { rest.append(job) }
        lock.broadcast()
        return rest
    }

    var count: Int {
        lock.lock()
        defer { lock.unlock() }
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
