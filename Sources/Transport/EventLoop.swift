// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import CTransport
import Glibc
import Synchronization
import TLS

/// One thread that waits for its sockets and does what they are ready for (epoll(7), level-triggered).
///
/// A turn is: what the sockets brought, what other threads left, ``turnEnded``, and then one send for each connection that
/// has something to say. Whatever is not marked as usable from any thread is the loop's own and is used on it alone, or
/// before ``start()``.
///
/// Unchecked because the compiler cannot see that rule; what crosses threads is an atomic or behind a mutex.
public final class EventLoop: @unchecked Sendable {
    /// The loop's number, from 0: its part of sharded counters.
    public let index: Int
    /// Of the monotonic clock, nanoseconds; as old as the turn.
    public private(set) var now: Int64
    /// Called when the turn's events and tasks are done, and again when that queued output or tasks of its own.
    public var turnEnded: (() -> Void)?

    /// A descriptor is watched as a connection of the table, as an acceptor, or as the wake-up itself.
    private enum Token {
        static let wakeup = UInt64.max
        static let acceptors = UInt64.max - 1024
    }

    private let time: TimeSource
    private let epoll: Int32
    private let event: Int32
    private let inbox = Mutex<[@Sendable () -> Void]>([])
    /// Whether the loop knows, or will know without a further word, that something waits for it.
    private let isAwake = Atomic(true)
    private let isEnding = Atomic(false)
    private var tasks: [@Sendable () -> Void] = []
    private var wakeups: [Wakeup] = []
    private var timers: [Timer] = []
    private var acceptors: [Acceptor] = []
    private var dirty: [Connection] = []
    private var quiet: (() -> Void)?
    private let thread = Mutex<SystemThread?>(nil)

    let table = ConnectionTable()
    /// What a socket brought and what it holds in plain, for the connection whose turn it is.
    let ciphertext = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 64)
    let plaintext = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 64)
    /// Records on their way to a socket; what it does not take is the connection's.
    var sealed = ByteQueue()

    /// - Throws: ``TransportError`` when the system has no descriptor left.
    public init(index: Int, time: TimeSource = .system) throws(TransportError) {
        self.index = index
        self.time = time
        now = time.monotonic()
        epoll = transport_epoll()
        guard epoll >= 0 else { throw TransportError(.system, "epoll_create1", errno: errno) }
        event = transport_eventfd()
        guard event >= 0 else { throw TransportError(.system, "eventfd", errno: errno) }
        watch(event, token: Token.wakeup, events: transport_readable)
        schedule(every: 100_000_000) { [unowned self] in table.expire(now) }
        schedule(every: 1_000_000_000) { [unowned self] in table.giveBackMemory() }
    }

    deinit {
        ciphertext.deallocate()
        plaintext.deallocate()
        Glibc.close(event)
        Glibc.close(epoll)
    }

    /// The cores that this process may use.
    public static var coreCount: Int { Int(transport_cores()) }

    // MARK: - From any thread

    /// Runs the task on the loop, soon; not at all once the loop has ended.
    public func execute(_ task: @escaping @Sendable () -> Void) {
        inbox.withLock { $0.append(task) }
        wake()
    }

    /// Makes the loop look at its inbox and its wake-ups.
    func wake() {
        guard !isAwake.exchange(true, ordering: .sequentiallyConsistent) else { return }
        var one: UInt64 = 1
        _ = write(event, &one, 8)
    }

    /// Starts the thread.
    ///
    /// - Throws: `SystemThread.StartError`.
    public func start() throws(SystemThread.StartError) {
        let started = try SystemThread(name: "loop-\(index)") { [self] in run() }
        thread.withLock { $0 = started }
    }

    /// Ends the loop after the turn under way and waits for its thread.
    public func stop() {
        isEnding.store(true, ordering: .sequentiallyConsistent)
        wake()
        thread.withLock { $0 }?.join()
    }

    // MARK: - On the loop

    /// A call that any thread can ask for, with nothing made for it.
    public func registerWakeup(_ handler: @escaping () -> Void) -> Wakeup {
        let wakeup = Wakeup(loop: self, handler: handler)
        wakeups.append(wakeup)
        return wakeup
    }

    /// Calls the task again and again, as often as the time between allows.
    public func schedule(every nanoseconds: Int64, _ task: @escaping () -> Void) {
        timers.append(Timer(period: nanoseconds, next: now + nanoseconds, task: task))
    }

    /// Connections that are open or not yet closed to the end.
    public var connectionCount: Int { table.count }

    /// Asks every connection to end when its requests are answered.
    ///
    /// - Parameter quiet: called once, when the last one has gone.
    public func drain(_ quiet: @escaping () -> Void) {
        self.quiet = quiet
        table.forEach { $0.handler?.drain($0) }
    }

    /// Cuts off what is open.
    public func abortAll() {
        table.forEach { $0.abort() }
    }

    func add(_ acceptor: Acceptor) {
        watch(
            acceptor.socket.descriptor,
            token: Token.acceptors + UInt64(acceptors.count),
            events: transport_readable | transport_exclusive
        )
        acceptors.append(acceptor)
    }

    func watch(_ descriptor: Int32, token: UInt64, events: UInt32) {
        _ = transport_watch(epoll, descriptor, token, events)
    }

    func rewatch(_ descriptor: Int32, token: UInt64, events: UInt32) {
        _ = transport_rewatch(epoll, descriptor, token, events)
    }

    func unwatch(_ descriptor: Int32) {
        _ = transport_unwatch(epoll, descriptor)
    }

    /// The connection has output, or something else to do, at the end of the turn.
    func markDirty(_ connection: Connection) { dirty.append(connection) }

    // MARK: - The thread

    private static let eventsPerTurn = 256

    private func run() {
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: Self.eventsPerTurn) { events in
            while !isEnding.load(ordering: .sequentiallyConsistent) { turn(events) }
        }
        for acceptor in acceptors { acceptor.socket.close() }
        table.forEach { $0.abort() }
        flush()
    }

    private func turn(_ events: UnsafeMutableBufferPointer<epoll_event>) {
        isAwake.store(false, ordering: .sequentiallyConsistent)
        // What came before the flag fell is found here, what comes after it writes the event.
        let waits = !hasWork
        let count = epoll_wait(epoll, events.baseAddress, Int32(events.count), waits ? milliseconds : 0)
        isAwake.store(true, ordering: .sequentiallyConsistent)
        now = time.monotonic()
        for place in 0..<max(0, Int(count)) {
            let happened = events[place]
            dispatch(happened.data.u64, happened.events)
        }
        runTimers()
        repeat {
            for wakeup in wakeups { wakeup.run() }
            runTasks()
            turnEnded?()
            flush()
        } while !tasks.isEmpty || !dirty.isEmpty
        if let quiet, table.count == 0 {
            self.quiet = nil
            quiet()
        }
    }

    private var hasWork: Bool {
        inbox.withLock { !$0.isEmpty } || wakeups.contains(where: \.isFired)
    }

    private func dispatch(_ token: UInt64, _ events: UInt32) {
        if let connection = table.connection(token) { return connection.ready(events) }
        if token == Token.wakeup {
            var count: UInt64 = 0
            _ = read(event, &count, 8)
        } else if token >= Token.acceptors {
            acceptors[Int(token - Token.acceptors)].accept()
        }
    }

    private func runTasks() {
        inbox.withLock { swap(&$0, &tasks) }
        for task in tasks { task() }
        tasks.removeAll(keepingCapacity: true)
    }

    private func flush() {
        // A connection that is flushed may mark others, or itself again.
        var place = 0
        while place < dirty.count {
            dirty[place].flush()
            place += 1
        }
        dirty.removeAll(keepingCapacity: true)
    }

    // MARK: - Timers

    private struct Timer {
        let period: Int64
        var next: Int64
        let task: () -> Void
    }

    private var milliseconds: Int32 {
        let next = timers.reduce(Int64.max) { min($0, $1.next) }
        return Int32(clamping: max(0, (next - time.monotonic() + 999_999) / 1_000_000))
    }

    private func runTimers() {
        for place in timers.indices where timers[place].next <= now {
            timers[place].next = now + timers[place].period
            timers[place].task()
        }
    }
}
