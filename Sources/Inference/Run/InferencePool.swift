// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// Threads for the models that would hold an event loop too long, with one bounded queue, first in first out.
public final class InferencePool: Sendable {
    private let queue: JobQueue
    private let threads: [SystemThread]

    /// Starts the threads; ``shutdown()`` must end them.
    ///
    /// - Parameters:
    ///   - threads: as many as cores may be given to inference, at least 1.
    ///   - capacity: jobs that may wait, at least 1.
    public init(threads: Int, capacity: Int, time: TimeSource = .system) {
        precondition(threads > 0 && capacity > 0, "a pool needs a thread and room for a job")
        let queue = JobQueue(capacity: capacity)
        self.queue = queue
        self.threads = (0..<threads).map { _ in
            do {
                return try SystemThread {
                    let worker = InferenceWorker(time: time)
                    while let job = queue.take() {
                        job.completion(worker.predict(job.request, on: job.model))
                        // Other models' sessions go back, so that threads share them and a retired model can end.
                        worker.keep(only: [job.model])
                    }
                }
            } catch {
                // Threads are made at start: without them there is no service.
                preconditionFailure("\(error)")
            }
        }
    }

    /// Queues a job.
    ///
    /// - Returns: nil when it is queued and its completion will be called; a refusal with `queue_full` or `draining`,
    ///   and no completion, otherwise. `retryAfter` is what the queue now takes to empty.
    public func submit(_ job: InferenceJob) -> Refusal? {
        switch queue.put(job) {
        case .queued: return nil
        case .closed:
            return Refusal(.draining, "the gateway is ending and takes no more work", retryAfter: 1)
        case .full(let waiting, let nanoseconds):
            let seconds = Double(nanoseconds) / Double(threads.count) / 1e9
            return Refusal(
                .queueFull,
                "the inference queue is full: \(waiting) requests wait",
                detail: "refused for model '\(job.model.name)'",
                retryAfter: max(1, Int(min(seconds, 3600).rounded(.up)))
            )
        }
    }

    /// Jobs that wait.
    public var waiting: Int { queue.count }

    /// Takes no more jobs, ends those that wait with `draining`, and returns when those that run are done.
    public func shutdown() {
        for job in queue.close() {
            job.completion(
                .failure(InferenceError(.unavailable(.draining), "the gateway is ending and takes no more work"))
            )
        }
        for thread in threads { thread.join() }
    }
}
