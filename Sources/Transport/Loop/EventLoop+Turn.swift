// SPDX-License-Identifier: Apache-2.0

internal import CTransport
internal import GatewayCore

extension EventLoop {
    /// Handshake steps in one turn.
    private static let handshakeStepsPerTurn = 8
    /// How often a turn goes on because sending brought new work, before it looks at the sockets again.
    private static let roundsPerTurn = 4

    /// One turn; waits at most `wait` milliseconds for something to do, for ever when negative.
    func turn(wait: Int32) {
        let count = waitForEvents(wait)
        state.pointee.now = time.monotonic()
        wheel.keepPace(now: now)
        handshakeSteps = Self.handshakeStepsPerTurn
        for position in 0..<count { dispatch(events + position) }
        if now >= wheel.nextDue { runDeadlines() }
        if now >= nextTimer { runTimers() }
        var rounds = 0
        repeat {
            if signal.take() { runSignals() }
            if !resumed.isEmpty { deliverHeld() }
            turnEnded?()
            flush()
            if !ended.isEmpty { bury() }
            rounds += 1
        } while hasWork && rounds < Self.roundsPerTurn
        if isDraining { sayQuiet() }
    }

    private var hasWork: Bool { !dirty.isEmpty || !resumed.isEmpty || !ended.isEmpty }

    private func waitForEvents(_ wait: Int32) -> Int {
        var milliseconds = wait
        let due = min(wheel.nextDue, nextTimer)
        if hasWork {
            milliseconds = 0
        } else if due != .max {
            let left = Int32(clamping: max(0, due - now + 999_999) / 1_000_000)
            milliseconds = wait < 0 ? left : min(left, wait)
        }
        if milliseconds != 0, !signal.mayWait() { milliseconds = 0 }
        let count = transport_epoll_wait(poller, events, Int32(Self.eventCapacity), milliseconds)
        signal.awake()
        // EINTR is no event; no other error is possible with the arguments above.
        return max(0, Int(count))
    }

    private func dispatch(_ event: UnsafePointer<epoll_event>) {
        switch EventToken(raw: transport_token(event)) {
        case .connection(let id): table[id]?.ready(transport_events(event))
        case .acceptor(let index): acceptors[index]?.ready()
        case .signal: break
        }
    }

    private func runSignals() {
        for position in wakeups.indices where wakeups[position].wakeup.take() { wakeups[position].handler() }
        runTasks()
    }

    func runTasks() {
        tasks.take(&runningTasks)
        guard !runningTasks.isEmpty else { return }
        // Out of the loop while they run: a task may do anything to it.
        var running: [TaskQueue.Work] = []
        swap(&running, &runningTasks)
        for task in running { task() }
        running.removeAll(keepingCapacity: true)
        swap(&running, &runningTasks)
    }

    // MARK: Connections

    private func deliverHeld() {
        let slots = resumed.take()
        for slot in slots { table[slot: slot]?.deliverHeld() }
        resumed.giveBack(slots)
    }

    private func flush() {
        let slots = dirty.take()
        for slot in slots { table[slot: slot]?.flush() }
        dirty.giveBack(slots)
    }

    /// Says goodbye to the handlers of connections that ended, and frees their slots.
    func bury() {
        let slots = ended.take()
        for slot in slots {
            guard let connection = table[slot: slot] else { continue }
            wheel.cancel(Int32(slot))
            connection.bury()
            table.remove(slot)
        }
        ended.giveBack(slots)
    }

    func forEachConnection(_ body: (Connection) -> Void) {
        for slot in 0..<table.capacity {
            if let connection = table[slot: UInt32(slot)] { body(connection) }
        }
    }

    /// The connection of that identity; nil once it is gone.
    public func connection(_ id: ConnectionID) -> Connection? { table[id] }
}
