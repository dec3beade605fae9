// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Synchronization

/// One loaded version of a model.
///
/// Every thread that runs it needs a compiled session of its own: one shared by two threads is slower than one
/// thread. Sessions are compiled at load, parked here, and lent to the ``InferenceWorker``s.
public final class Model: Sendable {
    /// The name of its folder.
    public let name: ModelName
    /// The number of its version folder, at least 1.
    public let version: Int64
    /// The format of its files.
    public let format: ModelFormat
    /// SHA-256 over the version's files, 64 hexadecimal digits (see ``VersionFiles/digest()``).
    public let digest: String
    /// What it takes and gives.
    public let signature: ModelSignature
    /// What it cost at warm-up, in nanoseconds.
    public let cost: InferenceCost
    /// The batch the model was exported with when it takes no other; nil when it takes any.
    public let fixedBatch: Int?

    private let program: ServingProgram
    private let parked: Mutex<[ParkedSession]>

    /// Reads, compiles and warms up a version.
    ///
    /// - Parameter sessions: how many threads will run it; each gets a session that is compiled now.
    init(
        name: ModelName,
        version: Int64,
        files: VersionFiles,
        engine: ServingEngine,
        sessions: Int,
        time: TimeSource
    ) throws(InferenceError) {
        let (format, path) = try files.model()
        digest = try files.digest()
        let program = try engine.read(path: path, format: format)
        guard files.areUnchanged() else {
            throw InferenceError(.filesUnreadable, "the version's files changed while they were read; load it again")
        }
        self.name = name
        self.version = version
        self.format = format
        self.program = program
        signature = program.signature
        fixedBatch = (program.signature.inputs + program.signature.outputs).map { $0.shape[0] }.first { $0 > 0 }

        var parked: [ParkedSession] = []
        let first = try program.compile()
        cost = try InferenceCost(measuring: first, signature: program.signature, fixedBatch: fixedBatch, time: time)
        parked.append(ParkedSession(session: first))
        while parked.count < sessions {
            let session = try program.compile()
            try session.warmUp(signature: program.signature, batch: fixedBatch ?? 1)
            parked.append(ParkedSession(session: session))
        }
        self.parked = Mutex(parked)
    }

    /// Whether `count` instances may run on an event loop: they take no longer than 500 µs.
    public func runsOnLoop(count: Int = 1) -> Bool { cost.nanoseconds(instances: count) <= Self.loopBudget }

    /// The longest an event loop is held by one inference, in nanoseconds.
    public static let loopBudget: Int64 = 500_000

    /// A session for one thread: a parked one, or a new one when more threads ask than were foreseen.
    func takeSession() throws(InferenceError) -> ServingSession {
        if let parked = parked.withLock({ $0.popLast() }) { return parked.session }
        return try program.compile()
    }

    /// Takes a session back for another thread.
    func park(_ session: ServingSession) {
        let parked = ParkedSession(session: session)
        self.parked.withLock { $0.append(parked) }
    }
}

/// A session between two threads.
///
/// Unchecked because the compiler cannot see that the mutex hands each session to one thread at a time and that the
/// one who parks it keeps no reference.
private struct ParkedSession: @unchecked Sendable {
    let session: ServingSession
}

extension EngineSession {
    /// Runs zeros through the model; inner dimensions that are open are taken as 1.
    func warmUp(signature: ModelSignature, batch: Int) throws(InferenceError) {
        let shapes = signature.inputs.map { [batch] + $0.instanceShape.map { abs($0) } }
        let outputs = try run(shapes: shapes) { _, memory in memory.initializeMemory(as: UInt8.self, repeating: 0) }
        for (info, output) in zip(signature.outputs, outputs) where output.shape.first != batch {
            throw InferenceError(
                .modelUnsupported,
                "output '\(info.name)' has shape \(describe(shape: output.shape)) for a batch of \(batch); its first "
                    + "dimension must be the batch"
            )
        }
    }
}
