// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Work on threads of its own, which may block without holding other tests up.
final class Workers<Value: Sendable>: Sendable {
    private let results: Mutex<[Int: Result<Value, any Error>]> = Mutex([:])
    private let done = DispatchSemaphore(value: 0)
    private let count: Int

    /// Starts `count` threads.
    init(_ count: Int, _ body: @escaping @Sendable (_ number: Int) throws -> Value) {
        self.count = count
        for number in 0..<count {
            Thread {
                let result = Result { try body(number) }
                self.results.withLock { $0[number] = result }
                self.done.signal()
            }.start()
        }
    }

    /// Waits for all of them; their results in order.
    ///
    /// - Throws: the first error of any.
    func join() throws -> [Value] {
        for _ in 0..<count { done.wait() }
        return try results.withLock { results in try (0..<count).compactMap { try results[$0]?.get() } }
    }
}

/// Runs a body on `count` threads at once.
func concurrently<Value: Sendable>(
    _ count: Int,
    _ body: @escaping @Sendable (_ number: Int) throws -> Value
) throws -> [Value] {
    try Workers(count, body).join()
}

/// A count that several threads add to.
final class Tally: Sendable {
    private let value = Atomic(0)

    var count: Int { value.load(ordering: .acquiring) }

    func add() { value.add(1, ordering: .acquiringAndReleasing) }
}
