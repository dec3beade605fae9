// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Synchronization

/// Gives one destination the newest checkpoint again and again, on a thread of its own: what is slow or gone holds up
/// neither the log nor other destinations.
final class CheckpointSender: Sendable {
    /// What it is called in the log and in metrics.
    struct Name: Hashable, Sendable {
        let kind: String
        let destination: String
    }

    /// For the metrics.
    struct State: Sendable {
        /// The checkpoint that the destination has; nil when none is known.
        var size: UInt64?
        /// When it took one last, in this process.
        var lastSuccess: UnixTime?
        var failures: UInt64 = 0
    }

    let name: Name
    private let current: Mutex<State>
    private let lock = SignalledMutex()
    private let isEnded = Atomic(false)

    /// - Parameter size: what the destination has already.
    init(_ name: Name, size: UInt64? = nil) {
        self.name = name
        current = Mutex(State(size: size))
    }

    var state: State { current.withLock { $0 } }

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - interval: nanoseconds from one tick to the next.
    ///   - next: the checkpoint of a tick; nil when there is none yet.
    ///   - destination: is made on the thread.
    ///   - report: hears of each attempt, on the thread; nil is success.
    /// - Throws: `SystemThread.StartError`.
    func start(
        interval: Int64,
        next: @escaping @Sendable (_ tick: Int64) -> VerifiedCheckpoint?,
        destination: @escaping @Sendable () -> any CheckpointDestination,
        report: @escaping @Sendable (VerifiedCheckpoint, DeliveryFailure?, _ failuresBefore: Int) -> Void
    ) throws(SystemThread.StartError) {
        // Let go of: an attempt that is under way at the end ends by itself.
        _ = try SystemThread(name: "checkpoints") { [self] in
            var destination = destination()
            var schedule = DeliverySchedule(interval: interval, now: TimeSource.system.monotonic())
            while sleep(until: schedule.due) {
                let tick = schedule.tick(TimeSource.system.monotonic())
                // Smaller than what the destination has, it was rolled back, which the destination must see.
                guard let checkpoint = next(tick), checkpoint.checkpoint.size != state.size else {
                    schedule.succeeded(now: TimeSource.system.monotonic())
                    continue
                }
                let before = schedule.failures
                do throws(DeliveryFailure) {
                    try destination.deliver(checkpoint)
                    current.withLock { state in
                        state.size = checkpoint.checkpoint.size
                        state.lastSuccess = TimeSource.system.now()
                    }
                    schedule.succeeded(now: TimeSource.system.monotonic())
                    report(checkpoint, nil, before)
                } catch {
                    current.withLock { $0.failures += 1 }
                    schedule.failed(now: TimeSource.system.monotonic())
                    if !isEnded.load(ordering: .acquiring) { report(checkpoint, error, before) }
                }
            }
        }
    }

    /// No attempt begins any more when this returns.
    func end() {
        lock.lock()
        isEnded.store(true, ordering: .releasing)
        lock.unlock()
        lock.broadcast()
    }

    /// - Returns: false at the end.
    private func sleep(until due: Int64) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        while !isEnded.load(ordering: .acquiring) {
            guard TimeSource.system.monotonic() < due else { return true }
            _ = lock.wait(until: due)
        }
        return false
    }
}
