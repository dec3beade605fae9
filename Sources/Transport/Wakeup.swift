// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A call to an event loop that any thread can ask for: asked for several times before the loop comes to it, it is made
/// once.
///
/// Unchecked because the handler runs on the loop alone and only the flag crosses threads.
public final class Wakeup: @unchecked Sendable {
    private unowned let loop: EventLoop
    private let handler: () -> Void
    private let fired = Atomic(false)

    init(loop: EventLoop, handler: @escaping () -> Void) {
        self.loop = loop
        self.handler = handler
    }

    /// Has the handler called, on its loop, soon.
    public func fire() {
        guard !fired.exchange(true, ordering: .sequentiallyConsistent) else { return }
        loop.wake()
    }

    var isFired: Bool { fired.load(ordering: .sequentiallyConsistent) }

    /// On the loop: calls the handler when it is asked for.
    func run() {
        // A load first: most turns nobody has asked, and an exchange takes the cache line away from who will.
        guard isFired else { return }
        fired.store(false, ordering: .sequentiallyConsistent)
        handler()
    }
}
