// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Syncs a file on a thread of its own, so that who writes to it need not wait: for records whose acknowledgement does
/// not promise the disk. One thread uses it.
final class BackgroundSync {
    /// What became of one sync.
    struct Outcome {
        var nanoseconds: Int64
        var fault: FileFault?
    }

    private let work: Work
    private let thread: SystemThread

    /// - Throws: when the system has no thread to give.
    init(files: any FileSystem) throws(SystemThread.StartError) {
        let work = Work(files)
        self.work = work
        thread = try SystemThread(name: "audit-sync") { work.run() }
    }

    deinit {
        work.close()
        thread.join()
    }

    /// Begins to sync a file, which must stay open until the outcome was taken.
    func begin(_ file: Int32) { work.begin(file) }

    /// The outcome, when a sync has ended.
    func poll() -> Outcome? { work.outcome(waits: false) }

    /// The outcome, however long it takes; nil when none was begun.
    func wait() -> Outcome? { work.outcome(waits: true) }

    /// What both threads see.
    ///
    /// `@unchecked Sendable`: every access to `state` holds `lock`.
    private final class Work: @unchecked Sendable {
        private enum State {
            case idle
            case asked(Int32)
            case syncing
            case done(Outcome)
            case closed
        }

        private let files: any FileSystem
        private let lock = SignalledMutex()
        private var state = State.idle

        init(_ files: any FileSystem) {
            self.files = files
        }

        func begin(_ file: Int32) {
            lock.lock()
            guard case .idle = state else { preconditionFailure("a sync is begun when the last outcome was taken") }
            state = .asked(file)
            lock.unlock()
            lock.signal()
        }

        func outcome(waits: Bool) -> Outcome? {
            lock.lock()
            defer { lock.unlock() }
            while true {
                switch state {
                case .done(let outcome):
                    state = .idle
                    return outcome
                case .idle, .closed: return nil
                case .asked, .syncing:
                    guard waits else { return nil }
                    lock.wait()
                }
            }
        }

        func close() {
            _ = outcome(waits: true)
            lock.lock()
            state = .closed
            lock.unlock()
            lock.signal()
        }

        func run() {
            while let file = next() {
                let start = TimeSource.system.monotonic()
                var fault: FileFault?
                do throws(FileFault) {
                    try files.sync(file)
                } catch {
                    fault = error
                }
                let outcome = Outcome(nanoseconds: TimeSource.system.monotonic() - start, fault: fault)
                lock.lock()
                state = .done(outcome)
                lock.unlock()
                lock.signal()
            }
        }

        private func next() -> Int32? {
            lock.lock()
            defer { lock.unlock() }
            while true {
                switch state {
                case .asked(let file):
                    state = .syncing
                    return file
                case .closed: return nil
                case .idle, .syncing, .done: lock.wait()
                }
            }
        }
    }
}
