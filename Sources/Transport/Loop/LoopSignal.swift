// SPDX-License-Identifier: Apache-2.0

internal import CTransport
internal import Glibc
internal import Synchronization

/// Tells an event loop from other threads that there is something to do, with a system call only when it sleeps.
///
/// `raise` sets a flag and then looks whether the loop sleeps; the loop says that it will sleep and then looks at the
/// flag. In a sequentially consistent order one of the two sees the other, so that no signal is slept through.
final class LoopSignal: Sendable {
    /// An eventfd (eventfd(2)), watched edge-triggered: it need not be read.
    let descriptor: Int32
    private let raised = Atomic<Bool>(false)
    private let sleeping = Atomic<Bool>(false)

    init() throws(LoopError) {
        descriptor = transport_eventfd_create()
        guard descriptor >= 0 else { throw LoopError(call: "eventfd", number: -descriptor) }
    }

    deinit { close(descriptor) }

    /// Any thread.
    func raise() {
        raised.store(true, ordering: .sequentiallyConsistent)
        guard sleeping.load(ordering: .sequentiallyConsistent) else { return }
        // Only the first to come writes.
        if sleeping.exchange(false, ordering: .sequentiallyConsistent) { transport_eventfd_signal(descriptor) }
    }

    /// The loop wants to sleep; false when it must not.
    func mayWait() -> Bool {
        sleeping.store(true, ordering: .sequentiallyConsistent)
        guard raised.load(ordering: .sequentiallyConsistent) else { return true }
        sleeping.store(false, ordering: .relaxed)
        return false
    }

    /// The loop has slept, or will not.
    func awake() {
        sleeping.store(false, ordering: .relaxed)
    }

    /// Takes the flag down; whether it was up.
    func take() -> Bool {
        guard raised.load(ordering: .relaxed) else { return false }
        return raised.exchange(false, ordering: .sequentiallyConsistent)
    }
}
