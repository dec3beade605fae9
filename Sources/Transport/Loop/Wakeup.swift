// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// A signal to an event loop from any thread: it runs a handler that was registered once, and allocates nothing.
///
/// Signals that come before the handler runs are one. What was written before ``fire()`` is seen by the handler.
public final class Wakeup: Sendable {
    private let fired = Atomic<Bool>(false)
    // Held strongly: firing after the loop's end is harmless.
    private let signal: LoopSignal

    init(_ signal: LoopSignal) { self.signal = signal }

    /// Has the handler run in the loop's current turn or the next one.
    public func fire() {
        if fired.exchange(true, ordering: .sequentiallyConsistent) { return }
        signal.raise()
    }

    /// Takes the signal back before its handler runs; false when there was none.
    func take() -> Bool {
        guard fired.load(ordering: .relaxed) else { return false }
        return fired.exchange(false, ordering: .acquiringAndReleasing)
    }
}
