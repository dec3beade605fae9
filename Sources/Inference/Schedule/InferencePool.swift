// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// Threads for the models that would hold an event loop too long, with one bounded queue that is fair to the tenants.
///
/// Their shares and how long one can wait for another are those of deficit round robin, see `FairQueue`: with M threads,
/// what that says of the work before a request's own is divided by M, and one batch on each thread, which was begun
/// before, comes on top.
public final class InferencePool: Sendable {
    /// Names a job that waits.
    public struct Place: Hashable, Sendable {
        fileprivate let place: JobQueue.Place
    }

    private let queue: JobQueue
    private let threads: [SystemThread]
    private let time: TimeSource

    /// Starts the threads; ``shutdown()`` must end them.
    ///
    /// - Parameter threads: as many as cores may be given to inference, at least 1.
    public init(threads: Int, limits: QueueLimits = QueueLimits(), time: TimeSource = .system) {
        precondition(
            threads > 0 && limits.requests > 0 && limits.requestsPerTenant > 0,
            "a pool needs a thread and room for a job"
        )
        let queue = JobQueue(limits: limits, workers: threads)
        self.queue = queue
        self.time = time
        self.threads = (0..<threads).map { _ in
            do {
                return try SystemThread { Self.work(queue, time) }
            } catch {
                // Threads are made at start: without them there is no service.
                preconditionFailure("\(error)")
            }
        }
    }

    private static func work(_ queue: JobQueue, _ time: TimeSource) {
        let worker = InferenceWorker(time: time)
        var jobs: [InferenceJob] = []
        var requests: [PredictRequest] = []
        var late: [InferenceJob] = []
        while queue.take(&jobs, late: &late, time) {
            for job in late { job.completion(.failure(.late)) }
            guard let model = jobs.first?.model else { continue }
            requests.removeAll(keepingCapacity: true)
            for job in jobs { requests.append(job.request) }
            let answers = worker.predict(requests, on: model)
            for (job, answer) in zip(jobs, answers) { job.completion(answer) }
            // Other models' sessions go back, so that threads share them and a retired model can end.
            worker.keep(only: [model])
        }
    }

    /// Queues a job.
    ///
    /// - Returns: where it waits, and its completion will be called; or, and no completion, a failure with `queue_full`,
    ///   `deadline_exceeded`, `deadline_unattainable` or `draining`. Its `retryAfter` is when the tenant's share of the
    ///   threads will have drained what it has waiting.
    public func submit(_ job: InferenceJob) -> Result<Place, InferenceError> {
        queue.put(job, now: time.monotonic()).map { Place(place: $0) }
    }

    /// Takes a job back that nobody waits for any more.
    ///
    /// - Returns: whether it still waited: it will not run, and its completion will not be called.
    public func withdraw(_ place: Place) -> Bool { queue.withdraw(place.place) }

    /// Jobs that wait.
    public var waiting: Int { queue.count }

    /// Takes no more jobs, ends those that wait with `draining`, and returns when those that run are done.
    public func shutdown() {
        for job in queue.close() { job.completion(.failure(.draining)) }
        for thread in threads { thread.join() }
    }
}
