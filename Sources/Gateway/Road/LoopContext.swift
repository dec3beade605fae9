// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Identity
import Inference
import NIOCore

/// What one event loop owns: nothing here is shared, so nothing here is locked.
///
/// Work that arrives in one turn of the loop is finished together at its end: one inference for what can share a batch,
/// one submission to the audit log.
final class LoopContext {
    let services: Services
    let eventLoop: any EventLoop
    /// This loop's part of the sharded counters.
    let shard: Int
    let meters: LoopMeters
    var tokens: VerifiedTokenCache
    let worker: InferenceWorker

    private var ids = RequestIDGenerator()
    private var serial: UInt32 = 0
    private var date = HTTPDate()
    private var tenants: [TenantID: TenantContext] = [:]

    private var connections: [ConnectionHandler?] = []
    private var freeSlots: [Int] = []
    private var quiet: EventLoopPromise<Void>?

    private var mailbox: Mailbox?
    private var submissions: [Submission] = []
    private var predictions: [PendingPrediction] = []
    private var isTurnEndScheduled = false

    init(services: Services, eventLoop: any EventLoop, shard: Int) {
        self.services = services
        self.eventLoop = eventLoop
        self.shard = shard
        meters = LoopMeters(services.metrics, shard: shard)
        tokens = VerifiedTokenCache(capacity: services.configuration.tokens.cacheEntries)
        worker = InferenceWorker(time: services.time)
    }

    /// Makes the mailbox in which the audit writer leaves its receipts, and starts the sweep of stalled connections.
    func start() {
        eventLoop.preconditionInEventLoop()
        let handle = LoopHandle(self)
        mailbox = Mailbox { sealed in
            handle.execute { $0.deliver(sealed) }
        }
        eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
            handle.onLoop.sweep()
        }
    }

    // MARK: - Connections

    /// Gives a connection its slot.
    func add(_ connection: ConnectionHandler) -> Int {
        if let slot = freeSlots.popLast() {
            connections[slot] = connection
            return slot
        }
        connections.append(connection)
        return connections.count - 1
    }

    func remove(slot: Int) {
        connections[slot] = nil
        freeSlots.append(slot)
        succeedIfQuiet()
    }

    /// The connection that still has the exchange of that ticket.
    func connection(_ ticket: Ticket) -> ConnectionHandler? {
        guard let connection = connections[Int(ticket.slot)], connection.exchange.serial == ticket.serial else {
            return nil
        }
        return connection
    }

    /// Asks every connection to end: at once when it is idle, else with its answer.
    ///
    /// - Parameter quiet: succeeds when the last one has gone.
    func drain(_ quiet: EventLoopPromise<Void>) {
        self.quiet = quiet
        for connection in connections { connection?.drain() }
        succeedIfQuiet()
    }

    private func succeedIfQuiet() {
        guard freeSlots.count == connections.count else { return }
        quiet?.succeed()
        quiet = nil
    }

    func closeAll() {
        for connection in connections { connection?.abort() }
    }

    private func sweep() {
        let now = services.time.monotonic()
        for connection in connections { connection?.checkDeadline(now) }
    }

    // MARK: - Requests

    func nextSerial() -> UInt32 {
        serial &+= 1
        // 0 is no exchange's: see `Exchange.serial`.
        if serial == 0 { serial = 1 }
        return serial
    }

    func nextID(at time: UnixTime) -> RequestID { ids.next(at: time) }

    func dateField(at time: UnixTime) -> String { date.field(at: time) }

    func tenant(_ id: TenantID) -> TenantContext? {
        if let known = tenants[id] { return known }
        guard let tenant = services.tenants.context(of: id) else { return nil }
        tenants[id] = tenant
        return tenant
    }

    /// Keeps a proved token for its next requests.
    func remember(_ token: [UInt8], of principal: Principal, generation: UInt64) {
        token.withUnsafeBytes { tokens.insert(token: $0, principal: principal, generation: generation) }
    }

    // MARK: - The end of the turn

    func seal(_ ticket: Ticket, record: [UInt8]) {
        guard let mailbox else { preconditionFailure("a request came before the loop was started") }
        submissions.append(Submission(payload: record, mailbox: mailbox, ticket: ticket.rawValue))
        scheduleTurnEnd()
    }

    func predict(_ prediction: PendingPrediction) {
        predictions.append(prediction)
        scheduleTurnEnd()
    }

    private func scheduleTurnEnd() {
        guard !isTurnEndScheduled else { return }
        isTurnEndScheduled = true
        eventLoop.assumeIsolated().execute { self.endTurn() }
    }

    private func endTurn() {
        isTurnEndScheduled = false
        if !predictions.isEmpty { runPredictions() }
        guard !submissions.isEmpty else { return }
        let batch = submissions
        submissions = []
        submissions.reserveCapacity(batch.count)
        services.audit.submit(batch)
    }

    private func deliver(_ sealed: [Sealed]) {
        for receipt in sealed {
            guard let connection = connection(Ticket(rawValue: receipt.ticket)) else { continue }
            connection.sealed(receipt)
        }
    }

    /// Runs what this turn gathered, one inference for each model.
    private func runPredictions() {
        var waiting = predictions
        predictions = []
        while let first = waiting.first {
            let model = first.model
            let group = waiting.filter { $0.model === model }
            waiting.removeAll { $0.model === model }
            run(group, on: model)
        }
    }
}

@available(*, unavailable)
extension LoopContext: Sendable {}

/// Reaches a loop's context from other threads: by a task on the loop, never directly.
struct LoopHandle: Sendable {
    private let context: NIOLoopBound<LoopContext>
    private let eventLoop: any EventLoop

    init(_ context: LoopContext) {
        self.context = NIOLoopBound(context, eventLoop: context.eventLoop)
        eventLoop = context.eventLoop
    }

    /// The context itself; only on its loop.
    var onLoop: LoopContext { context.value }

    func execute(_ task: @escaping @Sendable (LoopContext) -> Void) {
        let context = context
        eventLoop.execute { task(context.value) }
    }
}

/// Names an exchange to what works for it elsewhere: the connection's slot and the exchange's serial.
struct Ticket: Sendable {
    let slot: UInt32
    let serial: UInt32

    init(slot: Int, serial: UInt32) {
        self.slot = UInt32(slot)
        self.serial = serial
    }

    init(rawValue: UInt64) {
        slot = UInt32(rawValue >> 32)
        serial = UInt32(truncatingIfNeeded: rawValue)
    }

    var rawValue: UInt64 { UInt64(slot) << 32 | UInt64(serial) }
}
