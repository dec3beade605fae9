// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization

/// Threads for work that blocks, with a bounded queue in front of them.
final class WorkerPool: Sendable {
    typealias Task = @Sendable () -> Void

    private let queue: WaitableQueue<Task>
    private let threads: [SystemThread]

    /// - Parameter capacity: tasks that may wait; more are not taken.
    /// - Throws: `SystemThread.StartError`.
    init(name: String, threads count: Int, capacity: Int) throws {
        let queue = WaitableQueue<Task>(capacity: capacity)
        self.queue = queue
        threads = try (0..<count).map { _ in
            try SystemThread(name: name) {
                while let task = queue.take() { task() }
            }
        }
    }

    /// - Returns: false when the queue is full or the pool has ended; the task is not run then.
    func submit(_ task: @escaping Task) -> Bool {
        queue.put(task)
    }

    /// Finishes what waits, then ends the threads.
    func shutdown() {
        queue.close()
        for thread in threads { thread.join() }
    }
}
