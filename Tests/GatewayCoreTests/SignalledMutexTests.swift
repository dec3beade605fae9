// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

@Suite struct SignalledMutexTests {
    /// Unchecked: `lock` guards the number.
    private final class Shared: @unchecked Sendable {
        let lock = SignalledMutex()
        var number = 0
    }

    @Test func `who waits sees what was changed before the signal`() throws {
        let shared = Shared()
        let thread = try SystemThread {
            shared.lock.lock()
            shared.number = 7
            shared.lock.unlock()
            shared.lock.signal()
        }
        shared.lock.lock()
        while shared.number == 0 { shared.lock.wait() }
        #expect(shared.number == 7)
        shared.lock.unlock()
        thread.join()
    }

    @Test func `one thread at a time holds it`() throws {
        let shared = Shared()
        let threads = try (0..<4).map { _ in
            try SystemThread {
                for _ in 0..<1000 {
                    shared.lock.lock()
                    shared.number += 1
                    shared.lock.unlock()
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(shared.number == 4000)
    }

    @Test func `a broadcast wakes all who wait`() throws {
        let shared = Shared()
        let threads = try (0..<4).map { _ in
            try SystemThread {
                shared.lock.lock()
                while shared.number == 0 { shared.lock.wait() }
                shared.lock.unlock()
            }
        }
        shared.lock.lock()
        shared.number = 1
        shared.lock.unlock()
        shared.lock.broadcast()
        for thread in threads { thread.join() }
    }

    @Test func `a wait ends at its deadline, at once when that has passed`() {
        let lock = SignalledMutex()
        lock.lock()
        #expect(!lock.wait(until: 1))
        let deadline = TimeSource.system.monotonic() + 1_000_000
        while lock.wait(until: deadline) {}
        #expect(TimeSource.system.monotonic() >= deadline)
        lock.unlock()
    }
}
