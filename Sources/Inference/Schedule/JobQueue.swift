// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// A bounded fair queue between event loops and pool threads, which forms the batches.
///
/// Unchecked because `lock` guards every mutable property.
final class JobQueue: @unchecked Sendable {
    typealias Place = FairQueue<InferenceJob>.Place

    private let limits: QueueLimits
    private let workers: Int
    private let lock = SignalledMutex()
    private var isClosed = false
    private var queue = FairQueue<InferenceJob>(quantum: 1_000_000)

    init(limits: QueueLimits, workers: Int) {
        self.limits = limits
        self.workers = workers
    }

    func put(_ job: InferenceJob, now: Int64) -> Result<Place, InferenceError> {
        let work = FairQueue<InferenceJob>.Work(job.request, job.model)
        let result = add(job, work, now: now)
        if case .success = result { lock.signal() }
        return result
    }

    private func add(
        _ job: InferenceJob,
        _ work: FairQueue<InferenceJob>.Work,
        now: Int64
    ) -> Result<Place, InferenceError> {
        lock.lock()
        defer { lock.unlock() }
        if isClosed { return .failure(.draining) }
        let refusal =
            queue.refusal(job.share, limits, workers: workers)
            ?? queue.refusal(job.share, deadline: job.deadline, now: now, cost: work.cost, workers: workers)
        if let refusal { return .failure(refusal) }
        return .success(queue.append(job, work, of: job.share))
    }

    /// Takes a job back.
    ///
    /// - Returns: whether it still waited: it will not run.
    func withdraw(_ place: Place) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        return queue.remove(place) != nil
    }

    /// Waits for work and takes what runs next: a job and those that join it.
    ///
    /// - Parameters:
    ///   - batch: filled anew.
    ///   - late: filled with jobs whose deadline has passed; nobody pays for them.
    /// - Returns: false once the queue is closed.
    func take(_ batch: inout [InferenceJob], late: inout [InferenceJob], _ time: TimeSource) -> Bool {
        batch.removeAll(keepingCapacity: true)
        late.removeAll(keepingCapacity: true)
        lock.lock()
        defer { lock.unlock() }
        while queue.count == 0, !isClosed { lock.wait() }
        guard queue.count > 0 else { return false }
        let now = time.monotonic()
        queue.takeBatch(limits, &batch) { job in
            if job.deadline > now { return true }
            late.append(job)
            return false
        }
        return true
    }

    /// Closes the queue and returns what waited in it.
    func close() -> [InferenceJob] {
        lock.lock()
        defer { lock.unlock() }
        isClosed = true
        var rest: [InferenceJob] = []
        while let job = queue.next() { rest.append(job.element) }
        lock.broadcast()
        return rest
    }

    var count: Int {
        lock.lock()
        defer { lock.unlock() }
        return queue.count
    }
}

extension InferenceError {
    static let draining = InferenceError(
        .unavailable(.draining),
        "the gateway is ending and takes no more work",
        retryAfter: 1
    )
}
