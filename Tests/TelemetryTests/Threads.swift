// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Runs the body on so many threads of the system at once and waits for all.
///
/// Not `concurrentPerform`, which may run everything on one thread when the pool is busy with other tests.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let group = DispatchGroup()
    let start = StartingLine(count)
    for number in 0..<count {
        group.enter()
        let thread = Thread {
            start.wait()
            body(number)
            group.leave()
        }
        thread.start()
    }
    group.wait()
}

/// Lets nobody run before all are there.
private final class StartingLine: Sendable {
    private let missing: Atomic<Int>

    init(_ count: Int) { missing = Atomic(count) }

    func wait() {
        missing.subtract(1, ordering: .acquiringAndReleasing)
        while missing.load(ordering: .acquiring) > 0 { sched_yield() }
    }
}
