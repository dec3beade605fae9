// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import GatewayCore
import Synchronization
import Testing

@Suite struct SystemThreadTests {
    private final class Box<Value: Sendable>: Sendable {
        private let stored = Mutex<Value?>(nil)

        var value: Value? {
            get { stored.withLock { $0 } }
            set { stored.withLock { $0 = newValue } }
        }
    }

    /// The calling thread's name as the system has it.
    private static func name() -> String? { try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8) }

    private static func isBlocked(_ signal: Int32) -> Bool {
        var mask = sigset_t()
        pthread_sigmask(SIG_BLOCK, nil, &mask)
        return sigismember(&mask, signal) == 1
    }

    @Test func `join returns once the closure has, and again at once`() throws {
        let ended = Box<Bool>()
        let thread = try SystemThread {
            for _ in 0..<1000 { sched_yield() }
            ended.value = true
        }
        thread.join()
        #expect(ended.value == true)
        thread.join()
    }

    @Test func `A thread has the name it is given, or its maker's`() throws {
        let names = (given: Box<String>(), inherited: Box<String>())
        try SystemThread(name: "fifteen-bytes-x") { names.given.value = Self.name() }.join()
        try SystemThread { names.inherited.value = Self.name() }.join()
        #expect(names.given.value == "fifteen-bytes-x\n")
        #expect(names.inherited.value == Self.name())
    }

    @Test func `A thread blocks the signals that its maker blocks and no others`() throws {
        var blocked = sigset_t()
        var before = sigset_t()
        sigemptyset(&blocked)
        sigaddset(&blocked, SIGURG)
        pthread_sigmask(SIG_BLOCK, &blocked, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        let inherited = Box<[Bool]>()
        try SystemThread { inherited.value = [SIGURG, SIGWINCH].map(Self.isBlocked) }.join()
        #expect(inherited.value == [true, Self.isBlocked(SIGWINCH)])
    }

    @Test func `A thread that joins itself goes on`() throws {
        let itself = Box<SystemThread>()
        let known = DispatchSemaphore(value: 0)
        let ended = DispatchSemaphore(value: 0)
        itself.value = try SystemThread {
            known.wait()
            itself.value?.join()
            ended.signal()
        }
        known.signal()
        ended.wait()
    }

    @Test func `A thread that nobody holds runs to its end`() throws {
        let released = DispatchSemaphore(value: 0)
        let ended = DispatchSemaphore(value: 0)
        _ = try SystemThread {
            released.wait()
            ended.signal()
        }
        released.signal()
        ended.wait()
    }
}
