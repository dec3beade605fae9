// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Glibc

/// The process's signals, taken by one thread of ours and by none of the others.
struct Signals {
    private let set: sigset_t

    /// Blocks the signals for this thread and all that it makes.
    init(_ numbers: [Int32]) {
        var set = sigset_t()
        sigemptyset(&set)
        for number in numbers { sigaddset(&set, number) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        self.set = set
    }

    /// Calls `handle` on a thread of its own with each signal and how many ends were asked for so far.
    func wait(
        _ handle: @escaping @Sendable (_ number: Int32, _ count: Int) -> Void
    ) throws(SystemThread.StartError) {
        let set = set
        // It ends with the process; nobody waits for it.
        _ = try SystemThread {
            var set = set
            var ends = 0
            while true {
                var number: Int32 = 0
                guard sigwait(&set, &number) == 0 else { return }
                if number != SIGHUP { ends += 1 }
                handle(number, ends)
            }
        }
    }
}
