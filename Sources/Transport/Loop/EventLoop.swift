// SPDX-License-Identifier: Apache-2.0

internal import CTransport
public import GatewayCore
internal import Glibc
internal import Synchronization

/// One thread that waits for sockets (epoll(7)), timers and other threads, and serves its connections one turn after
/// the other.
///
/// A turn reads what has come and calls the handlers, then runs tasks, then ``turnEnded``, and only then seals and
/// sends what the handlers wrote: one call to the system for each connection. Everything is called on the loop's
/// thread, or before ``start()``, but for ``execute(_:)``, ``Wakeup/fire()``, ``stop()`` and ``join()``.
public final class EventLoop: @unchecked Sendable {
    // Sendable: its state belongs to the loop's thread; what other threads touch is atomic or locked by itself.

    /// The loop's number among its peers, from 0.
    public let index: Int

    /// Called after all events and tasks of a turn, before its output is sent, and again as long as sending brought
    /// new work. The place to finish together what arrived together.
    public var turnEnded: (() -> Void)?

    /// Called when ``drain()`` was called and the last connection is gone.
    public var becameQuiet: (() -> Void)?

    /// Nanoseconds of the monotonic clock, read once a turn.
    public var now: Int64 { state.pointee.now }

    let time: TimeSource
    let poller: Int32
    let signal: LoopSignal
    let tasks = TaskQueue()
    var runningTasks: [TaskQueue.Work] = []
    var wakeups: [(wakeup: Wakeup, handler: () -> Void)] = []

    let events: UnsafeMutablePointer<epoll_event>
    static let eventCapacity = 512

    /// Connections, their deadlines and the memory they share: see ``wheel``, ``table``, ``buffers`` and the lists.
    let state: UnsafeMutablePointer<LoopState>
    var timers: [LoopTimer] = []
    var nextTimer = Int64.max

    var acceptors: [Acceptor?] = []
    var handshakes = HandshakeQueue()
    /// Handshake steps that may still be made in this turn: each takes as long as fifty requests.
    var handshakeSteps = 0

    var isDraining = false
    private var saidQuiet = false
    private let stopping = Atomic<Bool>(false)
    private let thread = Mutex<SystemThread?>(nil)
    private var identity: pthread_t?

    /// Makes a loop that does nothing before ``start()``.
    ///
    /// - Throws: ``LoopError`` when the process has no descriptor left for epoll or eventfd.
    public init(index: Int = 0, time: TimeSource = .system) throws(LoopError) {
        self.index = index
        self.time = time
        signal = try LoopSignal()
        let now = time.monotonic()
        state = .allocate(capacity: 1)
        state.initialize(to: LoopState(now: now))
        poller = transport_epoll_create()
        events = .allocate(capacity: Self.eventCapacity)
        guard poller >= 0 else { throw LoopError(call: "epoll_create", number: -poller) }
        let result = transport_epoll_add(
            poller,
            signal.descriptor,
            transport_readable | transport_edge_triggered,
            EventToken.signal.raw
        )
        guard result == 0 else { throw LoopError(call: "epoll_ctl", number: -result) }
    }

    deinit {
        if poller >= 0 { close(poller) }
        events.deallocate()
        state.deinitialize(count: 1)
        state.deallocate()
    }

    // MARK: The thread

    /// Starts the thread.
    ///
    /// - Throws: `SystemThread.StartError` when the system gives none.
    public func start() throws(SystemThread.StartError) {
        let made = try SystemThread(name: "loop-\(index)") { [self] in run() }
        thread.withLock { $0 = made }
    }

    /// Ends the loop after its current turn: connections are closed with ``CloseReason/stopped``, and what was given
    /// to ``execute(_:)`` before is run. Any thread; a second call does nothing.
    public func stop() {
        stopping.store(true, ordering: .sequentiallyConsistent)
        signal.raise()
    }

    /// Waits until the thread has ended.
    public func join() {
        let thread = thread.withLock { $0 }
        thread?.join()
    }

    private func run() {
        identity = pthread_self()
        while !stopping.load(ordering: .relaxed) { turn(wait: -1) }
        acceptors.removeAll()
        forEachConnection { $0.end(.stopped) }
        runTasks()
        bury()
        // A turnEnded or task of the owner's often holds the loop: let go of them, or neither would ever be freed.
        turnEnded = nil
        becameQuiet = nil
        wakeups.removeAll()
        timers.removeAll()
    }

    /// Whether the calling thread is the loop's; always true before it has one.
    var isCurrent: Bool { identity.map { pthread_equal($0, pthread_self()) != 0 } ?? true }

    // MARK: Other threads

    /// Runs `task` on the loop, in the current turn or the next. Any thread. Once the loop has stopped it never runs.
    public func execute(_ task: @escaping @Sendable () -> Void) {
        tasks.append(task)
        signal.raise()
    }

    /// Registers a handler that other threads can have run without allocating; on the loop or before its start.
    public func registerWakeup(_ handler: @escaping () -> Void) -> Wakeup {
        let wakeup = Wakeup(signal)
        wakeups.append((wakeup, handler))
        return wakeup
    }

    // MARK: Draining

    /// Stops accepting and tells every handler to finish; those whose handshake ends later are told then.
    /// ``becameQuiet`` is called when the last connection is gone, in this turn if there is none.
    public func drain() {
        guard !isDraining else { return }
        isDraining = true
        stopAccepting()
        forEachConnection { $0.drain() }
        // Wakes the turn that finds out that there is no connection.
        signal.raise()
    }

    /// Connections that are open, those in a handshake or closing included.
    public var connectionCount: Int { table.count }

    /// Cuts off whoever is still there. On the loop.
    public func abortAll() {
        forEachConnection { $0.abort() }
    }

    /// Has connections give back memory that said nothing since the last call; to be called about once a second. On the
    /// loop.
    public func releaseIdleMemory() {
        forEachConnection { $0.releaseIdleMemory() }
    }

    func sayQuiet() {
        guard isDraining, !saidQuiet, table.count == 0 else { return }
        saidQuiet = true
        becameQuiet?()
    }
}
