// SPDX-License-Identifier: Apache-2.0

/// Work that an event loop does later, once or again and again.
public final class LoopTimer {
    /// When it runs next, in nanoseconds of the monotonic clock; ``Int64/max`` once it never will.
    public internal(set) var due: Int64
    /// Nanoseconds between two runs; nil for one that runs once.
    let interval: Int64?
    let body: () -> Void

    init(due: Int64, interval: Int64?, _ body: @escaping () -> Void) {
        self.due = due
        self.interval = interval
        self.body = body
    }

    /// Lets it not run any more; on the loop, also from its own body.
    public func cancel() { due = .max }
}

@available(*, unavailable)
extension LoopTimer: Sendable {}
