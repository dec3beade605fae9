// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Transport

/// Reaches a loop's context from other threads: by a task on the loop, never directly.
///
/// Unchecked because the compiler cannot see that the context is set before the loop runs, read on it alone, and held by
/// the loop for as long as it runs tasks.
final class LoopHandle: @unchecked Sendable {
    private let eventLoop: EventLoop
    // Not weak: a weak reference makes every count of the context, which the road takes all the time, a slow one.
    private unowned(unsafe) var context: LoopContext?

    init(_ eventLoop: EventLoop) {
        self.eventLoop = eventLoop
    }

    func set(_ context: LoopContext) {
        self.context = context
    }

    /// Runs the task on the loop, soon; not at all once the loop has ended.
    func execute(_ task: @escaping @Sendable (LoopContext) -> Void) {
        eventLoop.execute { [self] in
            guard let context else { return }
            task(context)
        }
    }
}

extension [LoopHandle] {
    /// Runs the task on every loop and waits until each has; not to be called on a loop.
    func executeAndWait(_ task: @escaping @Sendable (LoopContext) -> Void) {
        let done = WaitableQueue<Void>(capacity: count)
        for handle in self {
            handle.execute { context in
                task(context)
                _ = done.put(())
            }
        }
        for _ in self { _ = done.take() }
    }
}
