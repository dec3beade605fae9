// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization
import Testing

@Suite struct WaitableQueueTests {
    @Test func `what is put is taken once, in its order, until the queue is closed and empty`() {
        let queue = WaitableQueue<Int>(capacity: 100)
        for number in 0..<50 { #expect(queue.put(number)) }
        for number in 0..<20 { #expect(queue.take() == number) }
        for number in 50..<100 { #expect(queue.put(number)) }
        queue.close()
        #expect(!queue.put(100))
        for number in 20..<100 { #expect(queue.take() == number) }
        #expect(queue.take() == nil)
    }

    @Test func `a full queue takes nothing until there is room again`() {
        let queue = WaitableQueue<Int>(capacity: 2)
        #expect(queue.put(0) && queue.put(1) && !queue.put(2))
        #expect(queue.take() == 0)
        #expect(queue.put(3))
    }

    @Test func `who waits for an element gets it though others wait for the end`() throws {
        let queue = WaitableQueue<Int>(capacity: 1)
        let watcher = try SystemThread { while !queue.waitUntilClosed(nanoseconds: 1_000_000_000) {} }
        let sum = Atomic<Int>(0)
        let taker = try SystemThread { while let number = queue.take() { sum.add(number, ordering: .relaxed) } }
        var put = 0
        while put < 1000 { if queue.put(1) { put += 1 } }
        queue.close()
        taker.join()
        watcher.join()
        #expect(sum.load(ordering: .relaxed) == 1000)
        #expect(queue.waitUntilClosed(nanoseconds: 0))
    }

    @Test func `the end does not come by itself`() {
        #expect(!WaitableQueue<Int>(capacity: 1).waitUntilClosed(nanoseconds: 1000))
    }
}
