// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// The thread on which shadows run: apart from all that answers, at the lowest priority of the system (nice 19), behind a
/// short queue. What finds no room there is dropped, and counted; so where nothing is left over, nothing is run.
public final class ShadowRunner: Sendable {
    /// Hears of each request's end, on any thread; `nanoseconds` is nil where the shadow did not answer.
    public typealias Report = @Sendable (_ model: Model, _ outcome: ShadowOutcome, _ nanoseconds: Int64?) -> Void

    /// Requests that wait.
    static let capacity = 64
    /// Bytes of the inputs and answers that wait; a request may have more, and then runs alone.
    static let maxBytes = 32 << 20

    private struct Job: Sendable {
        let shadow: Shadow
        let model: Model
        let request: PredictRequest
        let answer: [Tensor]
        /// Of the answer.
        let servedBy: Model
        let servingNanoseconds: Int64
        let bytes: Int
    }

    private let queue: WaitableQueue<Job>
    private let shared: Shared
    private let report: Report
    private let thread: SystemThread

    /// Both are touched by all threads.
    private final class Shared: Sendable {
        let running = Mutex<[ModelName: (shadow: Shadow, figures: ShadowFigures)]>([:])
        /// Jobs that wait or run, and their bytes.
        let jobs = Atomic(0)
        let bytes = Atomic(0)
    }

    /// Starts the thread; ``shutdown()`` must end it.
    ///
    /// - Throws: `SystemThread.StartError`.
    public init(time: TimeSource = .system, report: @escaping Report) throws(SystemThread.StartError) {
        let queue = WaitableQueue<Job>(capacity: Self.capacity)
        let shared = Shared()
        self.queue = queue
        self.shared = shared
        self.report = report
        thread = try SystemThread(name: "shadow") {
            // Of this thread alone: Linux keeps it for each (sched(7)). Where it cannot be set, it runs as the others do.
            setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
            let worker = InferenceWorker(isMetered: false, time: time)
            while let job = queue.take() {
                Self.run(job, worker, shared, report)
                let left = shared.jobs.subtract(1, ordering: .relaxed).newValue
                shared.bytes.subtract(job.bytes, ordering: .relaxed)
                // A version that is retired can end.
                worker.keep(only: left == 0 ? [] : [job.model])
            }
        }
    }

    // MARK: - What runs

    /// These shadows run from now on; what comes of others any more is not counted.
    public func follow(_ shadows: [ModelName: ActiveShadow]) {
        shared.running.withLock { running in
            let before = running
            running = shadows.mapValues { ($0.shadow, ShadowFigures()) }
            for (name, known) in before where running[name]?.shadow == known.shadow { running[name] = known }
        }
    }

    /// What a model's shadow did; nil where none runs.
    public func figures(of name: ModelName) -> ShadowFigures? {
        shared.running.withLock { $0[name]?.figures }
    }

    // MARK: - Requests

    /// Takes a request that was answered, or drops it. Never waits, and copies nothing of what it drops.
    public func submit(_ answer: BatchAnswer, to active: ActiveShadow) {
        let bytes = answer.byteCount
        let before = shared.bytes.load(ordering: .relaxed)
        let hasRoom =
            shared.jobs.load(ordering: .relaxed) < Self.capacity && (before == 0 || before + bytes <= Self.maxBytes)
        guard hasRoom else { return drop(active) }
        let job = Job(
            shadow: active.shadow,
            model: active.model,
            request: answer.request,
            answer: answer.outputs,
            servedBy: answer.model,
            servingNanoseconds: answer.cost,
            bytes: bytes
        )
        shared.jobs.add(1, ordering: .relaxed)
        shared.bytes.add(bytes, ordering: .relaxed)
        if queue.put(job) { return }
        shared.jobs.subtract(1, ordering: .relaxed)
        shared.bytes.subtract(bytes, ordering: .relaxed)
        drop(active)
    }

    /// Takes no more and forgets what waits; returns when what runs is done.
    public func shutdown() {
        shared.running.withLock { $0.removeAll() }
        queue.close()
        thread.join()
    }

    private func drop(_ active: ActiveShadow) {
        Self.note(active.model, active.shadow, shared, report) { figures in
            figures.requests[.dropped, default: 0] += 1
            return (.dropped, nil)
        }
    }

    /// Counts, where the shadow is still the one that runs.
    private static func note(
        _ model: Model,
        _ shadow: Shadow,
        _ shared: Shared,
        _ report: Report,
        _ count: (inout ShadowFigures) -> (ShadowOutcome, Int64?)
    ) {
        let counted = shared.running.withLock { running -> (ShadowOutcome, Int64?)? in
            guard running[model.name]?.shadow == shadow, var known = running.removeValue(forKey: model.name) else {
                return nil
            }
            let counted = count(&known.figures)
            running[model.name] = known
            return counted
        }
        if let counted { report(model, counted.0, counted.1) }
    }

    private static func run(_ job: Job, _ worker: InferenceWorker, _ shared: Shared, _ report: Report) {
        // Its end came while it waited.
        guard shared.running.withLock({ $0[job.model.name]?.shadow == job.shadow }) else { return }
        switch worker.predict(job.request, on: job.model) {
        case .failure(let error):
            note(job.model, job.shadow, shared, report) { figures in
                figures.requests[.failed, default: 0] += 1
                figures.lastFailure = error.sentence
                return (.failed, nil)
            }
        case .success(let answer):
            let comparison = AnswerComparison(
                job.answer,
                answer.outputs,
                instances: job.request.count,
                task: job.servedBy.task == job.model.task ? job.model.task : nil,
                tolerance: job.shadow.tolerance
            )
            note(job.model, job.shadow, shared, report) { figures in
                let outcome = figures.add(comparison, nanoseconds: answer.nanoseconds, serving: job.servingNanoseconds)
                return (outcome, answer.nanoseconds)
            }
        }
    }
}
