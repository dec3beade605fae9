// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import Quality
import Synchronization

/// One loaded version of a model.
///
/// Every thread that runs it needs compiled sessions of its own: one shared by two threads is slower than one thread.
/// They are compiled at load, parked here, and lent to the ``InferenceWorker``s.
public final class Model: Sendable {
    /// The name of its folder.
    public let name: ModelName
    /// The number of its version folder, at least 1.
    public let version: Int64
    /// The format of its files.
    public let format: ModelFormat
    /// What runs it; nil for a fixed answer.
    public let engine: EngineName?
    /// SHA-256 over the version's files, 64 hexadecimal digits: that of one line for each file, sorted by path,
    /// `<SHA-256 in hexadecimal>  <path in the version's folder>\n`.
    public let digest: String
    /// Whom it is for; nil for all.
    public let tenants: Set<TenantID>?
    /// The id of the key that signed its manifest, see ``ManifestSigners``; nil where no signature was asked for.
    public let signer: String?
    /// What its predictions are compared with, of its `reference.json`; nil without one.
    public let reference: ReferenceProfile?
    /// What it takes and gives.
    public let signature: ModelSignature
    /// What it cost at warm-up.
    public let cost: InferenceCost
    private let meter: CostMeter

    /// The body of every answer, for a model of format ``ModelFormat/fixed``; nil for one that infers.
    public let fixedAnswer: [UInt8]?

    /// nil for a fixed answer.
    private let program: ServingProgram?
    private let plan: BatchPlan
    private let openSize: Int?
    /// Set when requests can be gathered as rows of one memory.
    let rowLayout: RowLayout?
    private let hasOpenShape: Bool
    private let parked: Mutex<[ParkedSession]>

    /// The longest that one inference may hold an event loop, in nanoseconds.
    private let loopBudget: Int64

    /// Reads, compiles and warms up a version.
    ///
    /// - Parameters:
    ///   - loopBudget: the longest that one inference may hold an event loop, in nanoseconds.
    ///   - sessions: how many threads will run it; each gets sessions that are compiled now.
    ///   - progress: hears of the steps of its life as they are done.
    init(
        name: ModelName,
        version: Int64,
        files: VersionFiles,
        digest: String,
        tenants: Set<TenantID>?,
        signer: String?,
        loopBudget: Int64,
        reference: ReferenceProfile?,
        engine: ServingEngine,
        sessions: Int,
        time: TimeSource,
        progress: (VersionLife.Event) -> Void
    ) throws(InferenceError) {
        let (format, path) = try files.model()
        self.digest = digest
        self.tenants = tenants
        self.signer = signer
        self.loopBudget = loopBudget
        self.reference = reference
        guard format != .fixed else {
            fixedAnswer = try files.fixedAnswer(path)
            self.name = name
            self.version = version
            self.format = format
            self.engine = nil
            signature = ModelSignature(inputs: [], outputs: [])
            cost = InferenceCost(one: 0, thirtyTwo: 0)
            meter = CostMeter(cost)
            program = nil
            plan = .open
            openSize = nil
            rowLayout = nil
            hasOpenShape = false
            parked = Mutex([])
            try files.requireUnchanged()
            progress(.read)
            progress(.warmed)
            return
        }
        fixedAnswer = nil
        let isSmall = files.files.reduce(0) { $0 + $1.size } <= 32 << 20
        let program: ServingProgram
        let first: FirstSession
        do throws(InferenceError) {
            let read = try engine.read(path: path, format: format)
            try files.requireUnchanged()
            progress(.read)
            (program, first) = (read, try FirstSession(read, isSmall: isSmall, time: time))
        } catch {
            let read = try engine.readAgain(path: path, format: format, after: error)
            try files.requireUnchanged()
            progress(.read)
            (program, first) = (read, try FirstSession(read, isSmall: isSmall, time: time))
        }
        self.name = name
        self.version = version
        self.format = format
        self.engine = program.engine
        self.program = program
        signature = first.signature
        cost = first.cost
        meter = CostMeter(cost)
        plan = first.plan
        openSize = first.openSize
        rowLayout = first.session.rowLayout
        hasOpenShape = signature.inputs.contains { $0.shape.dropFirst(first.signature.isBatched ? 1 : 0).contains(-1) }
        var parked = [ParkedSession(session: first.session)]
        while parked.count < sessions {
            parked.append(ParkedSession(session: try program.session(first.plan, signature, openSize: openSize)))
        }
        self.parked = Mutex(parked)
        progress(.warmed)
    }

    /// Whether the tenant may know of it.
    public func isFor(_ tenant: TenantID) -> Bool { tenants?.contains(tenant) ?? true }

    /// Whether `count` instances may run on an event loop: at warm-up they took no longer than one inference may hold a
    /// loop.
    ///
    /// Never those of a model with open dimensions: what they cost was measured on the smallest.
    public func runsOnLoop(count: Int = 1) -> Bool {
        !hasOpenShape && cost.nanoseconds(instances: count) <= loopBudget
    }

    /// What it costs in service: warm-up's figures, corrected by what batches have taken since.
    public var measuredCost: InferenceCost { meter.cost }

    /// Whether requests for it may share an inference, and save time by that.
    var gainsFromBatches: Bool { signature.isBatched && meter.gainsFromBatches }

    /// A batch has run.
    func ran(instances: Int, nanoseconds: Int64) { meter.note(instances: instances, nanoseconds: nanoseconds) }

    /// A session for one thread: a parked one, or a new one when more threads ask than were foreseen.
    func takeSession() throws(InferenceError) -> ModelSession {
        if let parked = parked.withLock({ $0.popLast() }) { return parked.session }
        guard let program else {
            throw InferenceError(.inputInvalid, "model '\(name)' has a fixed answer and infers nothing")
        }
        return try program.session(plan, signature, openSize: openSize)
    }

    /// Takes a session back for another thread.
    func park(_ session: ModelSession) {
        let parked = ParkedSession(session: session)
        self.parked.withLock { $0.append(parked) }
    }
}

/// A session between two threads.
///
/// Unchecked because the compiler cannot see that the mutex hands each session to one thread at a time and that the
/// one who parks it keeps no reference.
private struct ParkedSession: @unchecked Sendable {
    let session: ModelSession
}

/// The session on which the model is measured and the plan for all is made.
private struct FirstSession {
    let session: ModelSession
    let plan: BatchPlan
    let cost: InferenceCost
    /// The program's, with what running it told of the batch.
    let signature: ModelSignature
    /// What the open dimensions were taken as; nil when zeros could not be run.
    let openSize: Int?

    /// The sizes that small models are compiled for; each costs some 20 ms at load and, kept, two idle threads of the
    /// engine.
    private static let sizes = [1, 4, 8, 16, 32]

    /// Nanoseconds that an instance is said to take when zeros could not be run.
    private static let unmeasured: Int64 = 1_000_000

    init(_ program: ServingProgram, isSmall: Bool, time: TimeSource) throws(InferenceError) {
        let open = try program.compile(batch: nil)
        var found = program.signature
        openSize = try open.openSize(signature: found)
        guard let openSize else {
            found.isBatched = false
            signature = found
            plan = .open
            cost = InferenceCost(one: Self.unmeasured, thirtyTwo: Self.unmeasured * 32)
            session = ModelSession(signature: found, plan: plan, sessions: [open])
            return
        }
        found.isBatched = try open.followsBatch(signature: found, openSize: openSize)
        let signature = found
        self.signature = signature
        guard signature.isBatched else {
            let one = try open.measure(signature: signature, batch: nil, openSize: openSize, time: time)
            plan = .open
            cost = InferenceCost(one: one, thirtyTwo: one * 32)
            session = ModelSession(signature: signature, plan: plan, sessions: [open])
            return
        }
        if let fixed = signature.fixedBatch {
            let one = try open.measure(signature: signature, batch: fixed, openSize: openSize, time: time)
            plan = BatchPlan(costs: [(fixed, one)])
            cost = InferenceCost(one: one, thirtyTwo: one * Int64((32 + fixed - 1) / fixed))
            session = ModelSession(signature: signature, plan: plan, sessions: [open])
            return
        }
        let one = try open.measure(signature: signature, batch: 1, openSize: openSize, time: time)
        let isOpenInside = signature.inputs.contains { $0.instanceShape.contains(-1) }
        if isSmall, !isOpenInside, one <= RepositoryRules.defaultLoopNanoseconds,
            let planned = try? Self.plan(program, signature, time)
        {
            (session, plan, cost) = planned
            return
        }
        plan = .open
        let thirtyTwo = try open.measure(signature: signature, batch: 32, openSize: openSize, time: time)
        cost = InferenceCost(one: one, thirtyTwo: thirtyTwo)
        session = ModelSession(signature: signature, plan: plan, sessions: [open])
    }

    /// Compiles and measures every size and keeps those that pay; fails for models that do not let their batch be fixed.
    private static func plan(
        _ program: ServingProgram,
        _ signature: ModelSignature,
        _ time: TimeSource
    ) throws(InferenceError) -> (ModelSession, BatchPlan, InferenceCost) {
        var sessions: [ServingSession] = []
        var costs: [(size: Int, nanoseconds: Int64)] = []
        for size in sizes {
            let session = try program.compile(batch: size)
            let nanoseconds = try session.measure(signature: signature, batch: size, openSize: 1, time: time)
            // A size is worth its threads when it saves a tenth of what smaller ones take.
            if !costs.isEmpty, nanoseconds > BatchPlan(costs: costs).nanoseconds(instances: size) / 10 * 9 { continue }
            costs.append((size, nanoseconds))
            sessions.append(session)
        }
        let plan = BatchPlan(costs: costs)
        let cost = InferenceCost(one: costs[0].nanoseconds, thirtyTwo: plan.nanoseconds(instances: 32))
        return (ModelSession(signature: signature, plan: plan, sessions: sessions), plan, cost)
    }
}

extension EngineProgram where Session == ServingSession {
    /// Compiles and warms up what a thread needs.
    fileprivate func session(
        _ plan: BatchPlan,
        _ signature: ModelSignature,
        openSize: Int?
    ) throws(InferenceError) -> ModelSession {
        var sessions: [ServingSession] = []
        let isAsExported = plan.sizes.isEmpty || signature.fixedBatch != nil
        for size in plan.sizes.isEmpty ? [1] : plan.sizes {
            let session = try compile(batch: isAsExported ? nil : size)
            if let openSize {
                try session.warmUp(signature: signature, batch: signature.isBatched ? size : nil, openSize: openSize)
            }
            sessions.append(session)
        }
        return ModelSession(signature: signature, plan: plan, sessions: sessions)
    }
}
