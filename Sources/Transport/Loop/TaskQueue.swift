// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Closures that other threads want run on an event loop, in the order they came.
final class TaskQueue: Sendable {
    typealias Work = @Sendable () -> Void

    private let waiting = Mutex<[Work]>([])

    func append(_ task: @escaping Work) { waiting.withLock { $0.append(task) } }

    /// Swaps what waits for `emptied`, whose storage serves for what comes next.
    func take(_ emptied: inout [Work]) {
        waiting.withLock { swap(&$0, &emptied) }
    }
}
