// SPDX-License-Identifier: Apache-2.0

extension EventLoop {
    /// Runs `body` once, on the loop, when `seconds` have passed.
    @discardableResult
    public func schedule(after seconds: Double, _ body: @escaping () -> Void) -> LoopTimer {
        add(LoopTimer(due: now + Self.nanoseconds(seconds), interval: nil, body))
    }

    /// Runs `body` on the loop every `seconds`, first when they have passed once. Runs that were missed are left out.
    @discardableResult
    public func schedule(every seconds: Double, _ body: @escaping () -> Void) -> LoopTimer {
        let interval = max(1_000_000, Self.nanoseconds(seconds))
        return add(LoopTimer(due: now + interval, interval: interval, body))
    }

    private func add(_ timer: LoopTimer) -> LoopTimer {
        timers.append(timer)
        nextTimer = min(nextTimer, timer.due)
        return timer
    }

    func runTimers() {
        for timer in timers where timer.due <= now {
            timer.due = timer.interval.map { now + $0 } ?? .max
            timer.body()
        }
        timers.removeAll { $0.due == .max }
        nextTimer = timers.reduce(.max) { min($0, $1.due) }
    }

    func runDeadlines() {
        while let slot = wheel.popDue(now: now) { table[slot: UInt32(slot)]?.timePassed() }
    }

    /// Nanoseconds of a span of time; what cannot be counted is as long as can be.
    static func nanoseconds(_ seconds: Double) -> Int64 { seconds > 4e9 ? .max / 2 : Int64(max(0, seconds) * 1e9) }
}
