// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import HTTP
import Identity
import Inference
import Limits
import Transport

/// What one event loop owns: nothing here is shared, so nothing here is locked.
///
/// Work that arrives in one turn of the loop is finished together at its end: one inference for what can share a batch,
/// one submission to the audit log.
final class LoopContext {
    let services: Services
    let eventLoop: EventLoop
    /// Reaches this context from other threads.
    let handle: LoopHandle
    let meters: LoopMeters
    var tallies = ModelTallies()
    /// What feedback can still be given on, and what drift is measured by.
    let predictions: PredictionWatch
    var tokens: VerifiedTokenCache
    var routes = RouteCache()
    let worker: InferenceWorker
    /// The API keys that client certificates stand for, by fingerprint.
    private(set) var clientKeys: [String: String]
    /// Of the configuration in force.
    private(set) var limits: Configuration.HTTP
    private(set) var headLimits: HTTP1Limits
    private(set) var maxInstances: Int
    /// Bodies are read as TensorFlow Serving reads them.
    private(set) var isLenient: Bool
    /// In force; each change of them has a number of its own.
    private(set) var models: ModelRepository
    private(set) var modelsGeneration: Int64 = 0
    /// nil where no model has any.
    private(set) var shadows: [ModelName: ActiveShadow]?
    private(set) var generation: Int64
    let gateway: String
    let durability: AuditDurability

    private var ids = RequestIDGenerator()
    private var serial: UInt32 = 0
    private var connectionCount: UInt64 = 0
    private(set) var date = HTTPDate()
    /// Write the answers' heads, one after the other, in memory that stays.
    var writer = HTTP1ResponseWriter()
    var fields = HTTP2Fields()
    private var tenants: [TenantID: TenantContext] = [:]
    private var personalKeys: [PersonalKeyOwner: PersonalKey] = [:]
    private var personalGeneration: UInt64 = 0
    /// Of the keys with limits of their own.
    private var keyAccounts: [String: KeyAccount] = [:]
    /// Of the table that they are from: when it moves, one of them is forgotten.
    private var keyAccountsGeneration: UInt64 = 0

    /// Every stream of this loop, the idle ones included: a ticket's slot is the place here.
    private var streams: [RequestStream] = []
    private var idleStreams: [Int] = []
    /// How far the sweep of stalled requests has come.
    private var swept = 0
    private var spareBodies: [[UInt8]] = []

    private var mailbox: Mailbox?
    /// Keeps the loop from sleeping while inferences wait for its next turn.
    private var anotherTurn: Wakeup?
    /// When a client's deadline is looked at next; `.max` while none is known.
    private var nextExpiry = Int64.max
    private var batch: RecordBatch?
    private var spareBatches: [RecordBatch] = []
    private var sealed: [RecordBatch] = []
    private var floods: RefusalFloods
    /// The answers that wait for a record which counts them all, by the record's ticket.
    private var groups: [UInt64: [UInt64]] = [:]
    private var groupCount = 0
    /// What was answered while the log could not be written.
    var unrecorded = UnrecordedAnswers()
    /// Where answers say their records' leaf hashes.
    private let leaves: TreeHasher?
    /// Connections that were turned away since the last sweep.
    var turnedAway: [TurnedAway: Int64] = [:]
    /// Connections whose protocol may have something to send.
    private var unsent: [HTTP2Connection] = []

    init(services: Services, eventLoop: EventLoop) {
        self.services = services
        self.eventLoop = eventLoop
        handle = LoopHandle(eventLoop)
        meters = LoopMeters(services.metrics, shard: eventLoop.index)
        let configuration = services.configuration
        tokens = VerifiedTokenCache(capacity: configuration.tokens.cacheEntries)
        worker = InferenceWorker(limits: QueueLimits(configuration.inference), time: services.time)
        predictions = PredictionWatch(
            capacity: configuration.models.feedbackInstances / max(1, services.metrics.otherShard)
        )
        limits = configuration.http
        headLimits = HTTP1Limits(configuration.http)
        maxInstances = configuration.models.maxInstances
        isLenient = configuration.models.json == .lenient
        clientKeys = Self.clientKeys(configuration)
        models = services.models
        shadows = models.shadows.isEmpty ? nil : models.shadows
        generation = services.configurationGeneration
        gateway = configuration.name
        durability = configuration.audit.durability
        floods = RefusalFloods(limit: configuration.audit.refusalsPerSecond)
        leaves = configuration.audit.receipts == .leaf ? TreeHasher() : nil
    }

    /// Makes the mailbox in which the audit writer leaves its receipts, and starts the sweep of stalled requests.
    func start() {
        let wakeup = eventLoop.registerWakeup { [unowned self] in deliver() }
        anotherTurn = eventLoop.registerWakeup {}
        mailbox = Mailbox { wakeup.fire() }
        // This holds the context for as long as the loop runs; the others may rely on it.
        eventLoop.turnEnded = { self.endTurn() }
        eventLoop.schedule(every: 1) { [unowned self] in sweep() }
        date.update(to: services.time.now())
        handle.set(self)
    }

    /// Of the monotonic clock, nanoseconds; as old as the turn.
    var now: Int64 { eventLoop.now }

    /// The ids of keys by the fingerprints of the certificates that stand for them.
    private static func clientKeys(_ configuration: Configuration) -> [String: String] {
        Dictionary(configuration.management.clientKeys.map { ($0.fingerprint, $0.keyID) }) { $1 }
    }

    /// Takes a new configuration's limits for the requests that come.
    func apply(_ configuration: Configuration, generation: Int64) {
        self.generation = generation
        maxInstances = configuration.models.maxInstances
        isLenient = configuration.models.json == .lenient
        clientKeys = Self.clientKeys(configuration)
        limits = configuration.http
        headLimits = HTTP1Limits(configuration.http)
    }

    /// Serves other models from now on; what waits is still answered by those it was read for.
    func serve(_ models: ModelRepository) {
        self.models = models
        shadows = models.shadows.isEmpty ? nil : models.shadows
        modelsGeneration += 1
        let available = models.available
        worker.keep(only: available)
        tallies.keep(only: available)
        predictions.forgetModels()
        meters.forgetModels()
    }

    // MARK: - Streams

    /// A stream for one request; it comes back by ``giveBack(_:slot:)``.
    func takeStream() -> RequestStream {
        if let slot = idleStreams.popLast() { return streams[slot] }
        let stream = RequestStream(loop: self, slot: streams.count)
        streams.append(stream)
        return stream
    }

    func giveBack(_ stream: RequestStream, slot: Int) {
        idleStreams.append(slot)
    }

    /// The stream that still has the exchange of that ticket.
    func stream(_ ticket: Ticket) -> RequestStream? {
        guard ticket.slot < streams.count else { return nil }
        let stream = streams[Int(ticket.slot)]
        return stream.exchange.serial == ticket.serial ? stream : nil
    }

    private func sweep() {
        // A long sweep may still be under way.
        if swept == 0 { sweepStreams() }
        recordTurnedAway()
        recordFloods()
        recordUnrecorded()
        eventLoop.releaseIdleMemory()
        date.update(to: services.time.now())
    }

    /// Looks after some of the streams, and after the others soon: thousands that are late at once are refused over time,
    /// so that nobody else has to wait for them.
    private func sweepStreams() {
        let now = services.time.monotonic()
        let end = min(streams.count, swept + max(64, streams.count / 64))
        for place in swept..<end { streams[place].checkTime(now) }
        swept = end < streams.count ? end : 0
        if swept > 0 { eventLoop.schedule(after: 0.01) { [unowned self] in sweepStreams() } }
    }

    /// Looks after the clients' deadlines when this one has passed.
    func watch(_ deadline: Int64) {
        guard deadline < nextExpiry else { return }
        nextExpiry = deadline
        // A hundred looks a second at most, however many deadlines there are.
        let seconds = max(0.01, Double(deadline - now) / 1e9)
        eventLoop.schedule(after: seconds) { [unowned self] in expireStreams() }
    }

    private func expireStreams() {
        let now = services.time.monotonic()
        guard now >= nextExpiry else { return }
        nextExpiry = .max
        var next = Int64.max
        for stream in streams where stream.isOpen && stream.exchange.deadline != .max {
            stream.checkTime(now)
            if stream.isOpen, stream.exchange.waiting != .nowhere { next = min(next, stream.exchange.deadline) }
        }
        if next != .max { watch(next) }
    }

    // MARK: - Requests

    func nextSerial() -> UInt32 {
        serial &+= 1
        // 0 is no exchange's: see `Exchange.serial`.
        if serial == 0 { serial = 1 }
        return serial
    }

    /// Differs from every other connection's, of whichever loop and listener.
    func nextConnectionID() -> UInt64 {
        connectionCount += 1
        return UInt64(eventLoop.index) << 40 | connectionCount
    }

    func nextID(at time: UnixTime) -> RequestID { ids.next(at: time) }

    func tenant(_ id: TenantID) -> TenantContext? {
        if let known = tenants[id] { return known }
        guard let tenant = services.tenants.context(of: id) else { return nil }
        tenants[id] = tenant
        return tenant
    }

    /// The limits of the key behind the principal; nil when it has none.
    func account(ofKey principal: Principal) -> KeyAccount? {
        guard let limits = principal.limits, let id = principal.keyID else { return nil }
        let generation = services.limits.keys.generation
        if generation != keyAccountsGeneration {
            keyAccounts.removeAll(keepingCapacity: true)
            keyAccountsGeneration = generation
        }
        if let known = keyAccounts[id], known.limits == limits { return known }
        let account = services.limits.keys.account(ofKey: id, limits: limits)
        keyAccounts[id] = account
        return account
    }

    /// The key under which a caller's personal fields are written; nil where they are plain.
    func personalKey(of principal: Principal?) -> PersonalKey? {
        let generation = services.personalKeys.generation
        guard generation > 0 else { return nil }
        if generation != personalGeneration {
            personalKeys.removeAll(keepingCapacity: true)
            personalGeneration = generation
        }
        let owner = principal.map { PersonalKeyOwner.tenant($0.tenant) } ?? .gateway
        if let known = personalKeys[owner] { return known }
        // A tenant that has just gone has no key any more.
        let key = services.personalKeys.current(of: owner) ?? services.personalKeys.current(of: .gateway)
        personalKeys[owner] = key
        return key
    }

    /// Keeps a proved token for its next requests.
    func remember(_ token: [UInt8], of principal: Principal, generation: UInt64) {
        token.withUnsafeBytes { tokens.insert(token: $0, principal: principal, generation: generation) }
    }

    // MARK: - Bodies of answers

    /// An empty array that was used before, so that it need not grow again.
    func takeBody() -> [UInt8] {
        spareBodies.popLast() ?? []
    }

    /// Takes an answer that was written apart, to use its body's memory again.
    // In place: a copy would have to be made before its body is emptied.
    func reuse(_ reply: inout Reply) {
        guard reply.isReusable, spareBodies.count < 256, reply.body.capacity <= 64 * 1024 else { return }
        reply.body.removeAll(keepingCapacity: true)
        spareBodies.append(reply.body)
    }

    // MARK: - The end of the turn

    func seal(_ stream: RequestStream, _ reply: borrowing Reply) {
        guard let connection = stream.connection else { preconditionFailure("what is sealed has a client") }
        let ticket = stream.ticket.rawValue
        if let refusal = reply.refusal, stream.exchange.principal == nil,
            floods.isFlood(connection.sourceKey, second: now / 1_000_000_000)
        {
            let status = reply.status
            let isFull = floods.add(
                connection.sourceKey,
                connection.listener,
                refusal.code,
                status: status,
                ticket: ticket
            ) {
                var refused = Reply.refused(refusal)
                refused.status = status
                return AuditRecord(of: stream, on: connection, reply: refused)
            }
            if isFull { recordFloods() }
            return
        }
        let batch = openBatch()
        if reply.status == 200, reply.isPlain, let last = stream.exchange.last {
            let template = last.template(of: stream, on: connection, reply: reply)
            batch.append(template, AuditMeasures(of: stream, reply: reply), ticket: ticket)
        } else {
            batch.append(AuditRecord(of: stream, on: connection, reply: reply), ticket: ticket)
        }
    }

    /// Makes the records that the refusals of floods wait for.
    private func recordFloods() {
        guard floods.count > 0 else { return }
        floods.flush { record, tickets in groups[append(record)] = tickets }
    }

    /// Puts a record that is no exchange's into this turn's batch.
    ///
    /// - Returns: its ticket.
    func append(_ record: AuditRecord) -> UInt64 {
        groupCount = (groupCount + 1) & 0xffff_ffff
        // Serial 0 is no exchange's.
        let ticket = Ticket(slot: groupCount, serial: 0).rawValue
        openBatch().append(record, ticket: ticket)
        return ticket
    }

    /// The batch of this turn.
    func openBatch() -> RecordBatch {
        guard let mailbox else { preconditionFailure("a record came before the loop was started") }
        let batch = batch ?? spareBatches.popLast() ?? RecordBatch(mailbox: mailbox)
        self.batch = batch
        return batch
    }

    func send(_ connection: HTTP2Connection) {
        unsent.append(connection)
    }

    private func endTurn() {
        if worker.hasWaiting {
            runPredictions()
            if worker.hasWaiting { anotherTurn?.fire() }
        }
        if let full = batch {
            batch = nil
            services.audit.submit(full)
        }
        if !unsent.isEmpty {
            for connection in unsent { connection.send() }
            unsent.removeAll(keepingCapacity: true)
        }
    }

    private func deliver() {
        mailbox?.take(&sealed)
        for batch in sealed {
            for place in 0..<batch.count {
                let ticket = Ticket(rawValue: batch.tickets[place])
                // The record lies here until the batch is filled anew.
                let receipt = batch.first.map { first in
                    Receipt(index: first + UInt64(place), leaf: leaves.map { batch.leaf(at: place, $0) })
                }
                if ticket.serial == 0 {
                    unrecorded.settle(ticket.rawValue, isDurable: receipt != nil)
                    for waiting in groups.removeValue(forKey: ticket.rawValue) ?? [] {
                        stream(Ticket(rawValue: waiting))?.sealed(receipt)
                    }
                } else {
                    stream(ticket)?.sealed(receipt)
                }
            }
            batch.removeAll()
            spareBatches.append(batch)
        }
        sealed.removeAll(keepingCapacity: true)
    }
}

@available(*, unavailable)
extension LoopContext: Sendable {}
