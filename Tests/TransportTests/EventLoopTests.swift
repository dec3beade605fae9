// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization
import Testing

@testable import Transport

@Suite struct EventLoopTests {
    private final class Written: Sendable {
        let count = Atomic<Int>(0)
    }

    @Test func `tasks from many threads all run, each thread's in its order`() throws {
        let loop = try EventLoop()
        try loop.start()
        nonisolated(unsafe) var ran = [[Int]](repeating: [], count: 8)
        let threads = try (0..<8).map { thread in
            try SystemThread { @Sendable in
                for number in 0..<5000 { loop.execute { ran[thread].append(number) } }
            }
        }
        for thread in threads { thread.join() }
        loop.stop()
        loop.join()
        for thread in ran { #expect(thread == Array(0..<5000)) }
    }

    @Test func `a wakeup is never lost, and many at once are one`() throws {
        let loop = try EventLoop()
        let written = Written()
        nonisolated(unsafe) var seen = 0
        nonisolated(unsafe) var calls = 0
        let wakeup = loop.registerWakeup {
            calls += 1
            seen = written.count.load(ordering: .acquiring)
            if seen == 20_000 { loop.stop() }
        }
        try loop.start()
        let thread = try SystemThread { @Sendable in
            for _ in 0..<20_000 {
                written.count.add(1, ordering: .acquiringAndReleasing)
                wakeup.fire()
            }
        }
        thread.join()
        loop.join()
        #expect(seen == 20_000)
        #expect(calls >= 1 && calls <= 20_000)
    }

    @Test func `signals that come before the loop looks are handled once`() throws {
        let loop = try EventLoop(time: .manual(ManualClock(UnixTime(nanoseconds: 1))))
        var calls = 0
        let wakeup = loop.registerWakeup { calls += 1 }
        wakeup.fire()
        wakeup.fire()
        loop.turn(wait: -1)
        loop.turn(wait: 0)
        #expect(calls == 1)
    }

    @Test func `a task that comes from a task runs without anybody waking the loop`() throws {
        let loop = try EventLoop()
        try loop.start()
        loop.execute { loop.execute { loop.execute { loop.stop() } } }
        loop.join()
    }

    @Test func `timers run when they are due, again and again until cancelled`() throws {
        let clock = ManualClock(UnixTime(nanoseconds: 1_000_000_000))
        let loop = try EventLoop(time: .manual(clock))
        var once = 0
        var often = 0
        var timer: LoopTimer?
        loop.schedule(after: 0.25) { once += 1 }
        timer = loop.schedule(every: 1) {
            often += 1
            if often == 3 { timer?.cancel() }
        }
        for _ in 0..<50 {
            clock.advance(seconds: 0.1)
            loop.turn(wait: 0)
        }
        #expect(once == 1)
        #expect(often == 3)
    }

    @Test func `a timer may set another`() throws {
        let clock = ManualClock(UnixTime(nanoseconds: 1_000_000_000))
        let loop = try EventLoop(time: .manual(clock))
        var order: [Int] = []
        loop.schedule(after: 1) {
            order.append(1)
            loop.schedule(after: 1) { order.append(2) }
        }
        for _ in 0..<3 {
            clock.advance(seconds: 1)
            loop.turn(wait: 0)
        }
        #expect(order == [1, 2])
    }

    @Test func `the end of the turn comes behind all handlers and tasks, and before anything is sent`() throws {
        let rig = try Rig()
        let (first, firstHandler) = try rig.handshaken()
        let (second, secondHandler) = try rig.handshaken()
        var order: [String] = []
        for handler in [firstHandler, secondHandler] {
            handler.onReceived = { _, _ in
                order.append("received")
                rig.loop.execute {}
            }
        }
        rig.loop.turnEnded = {
            guard order == ["received", "received"] else { return }
            order.append("ended")
            firstHandler.connection?.write("a")
            secondHandler.connection?.write("b")
        }
        first.write("x")
        second.write("x")
        rig.loop.turn(wait: 10)
        #expect(order == ["received", "received", "ended"])
        #expect(first.readText() == "a")
        #expect(second.readText() == "b")
    }

    @Test func `stopping closes what is open and tells the handlers`() throws {
        let rig = try Rig()
        let (_, handler) = try rig.handshaken()
        rig.loop.stop()
        try rig.loop.start()
        rig.loop.join()
        #expect(handler.events.last == "closed stopped")
        #expect(rig.limits.connections == 0)
    }
}
