// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Glibc
import Synchronization

/// Turns the journal into a C2SP tlog-tiles log, on a thread of its own behind the writer, and signs a checkpoint of it at
/// a fixed interval, when there are new records.
///
/// Only records on the disk are covered, and a checkpoint is on the disk, with all that it covers, before it can be seen.
/// Two checkpoints of one size are the same, and none goes back behind an earlier one, whenever the process dies.
public final class Integrator: Sendable {
    /// Whether checkpoints are signed.
    public enum Health: Hashable, Sendable {
        case publishing
        /// Not now, for that reason; it tries again by itself.
        case failed(String)
    }

    /// The log's folder.
    public let directory: String
    /// The key that the checkpoints are verified with.
    public let verifier: NoteVerifier
    private let shared: Shared
    private let thread: SystemThread

    /// Opens or makes the log in `directory` and starts its thread.
    ///
    /// - Parameters:
    ///   - interval: nanoseconds from one checkpoint to the next.
    ///   - onHealth: called with every change, on the thread.
    /// - Throws: ``AuditError`` `corrupt` when the folder's checkpoint is not the signer's; `io`.
    public convenience init(
        log: AuditLog,
        directory: String,
        signer: NoteSigner,
        interval: Int64,
        time: TimeSource,
        onHealth: @escaping @Sendable (Health) -> Void = { _ in }
    ) throws(AuditError) {
        try self.init(
            log: log,
            directory: directory,
            signer: signer,
            interval: interval,
            time: time,
            files: SystemFileSystem(),
            onHealth: onHealth
        )
    }

    package init(
        log: AuditLog,
        directory: String,
        signer: NoteSigner,
        interval: Int64,
        time: TimeSource,
        files: any FileSystem,
        onHealth: @escaping @Sendable (Health) -> Void = { _ in }
    ) throws(AuditError) {
        let folder = LogFolder(directory, files: files)
        let integration = try TileIntegration(log: log, folder: folder, signer: signer)
        try folder.write(Self.keyFile(signer.verifier), Array("\(signer.verifier)\n".utf8))
        let shared = Shared(integration.published)
        self.shared = shared
        self.directory = directory
        verifier = signer.verifier
        do {
            // It is handed over whole: nobody else has the integration.
            nonisolated(unsafe) let integration = integration
            thread = try SystemThread(name: "audit-tiles") {
                // Behind the road, but not so far behind that a busy machine breaks the promise of a second. On Linux this
                // is of the calling thread alone.
                setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
                shared.run(integration, interval: interval, time: time, onHealth)
            }
        } catch {
            throw AuditError(.io, file: directory, "no thread can be started for the tiles: \(error)")
        }
    }

    /// The newest checkpoint; nil before the first one of a new log.
    public var published: VerifiedCheckpoint? { shared.published.withLock { $0 } }

    /// Waits until a checkpoint covers so many records; false when the nanoseconds have passed.
    public func waitUntilCovered(_ size: UInt64, nanoseconds: Int64) -> Bool {
        shared.waitUntilCovered(size, deadline: TimeSource.system.monotonic() + nanoseconds)
    }

    /// Publishes what is durable by now, and ends the thread. To be called when the log is closed.
    public func stop() {
        shared.stop()
        thread.join()
    }

    /// Reads the newest checkpoint of a log: the records that it covers are known to have been in the journal.
    ///
    /// - Throws: ``AuditError`` `corrupt` when that key did not sign it.
    public static func checkpoint(
        directory: String,
        verifier: NoteVerifier
    ) throws(AuditError) -> VerifiedCheckpoint? {
        try CheckpointStore.read(LogFolder(directory, files: SystemFileSystem()), verifier: verifier)
    }

    /// The name of the verifier key's file, `<name>.vkey`: of the log's name with what a file cannot be called replaced.
    public static func keyFile(_ verifier: NoteVerifier) -> String {
        let name = verifier.name.map { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) ? $0 : "_" }
        return String(name.drop { $0 == "." }) + ".vkey"
    }
}

/// What the thread shares with the others.
private final class Shared: Sendable {
    let published: Mutex<VerifiedCheckpoint?>
    private let isStopping = Atomic(false)
    /// Guards nothing: who waits looks at the properties above.
    private let changed = SignalledMutex()

    init(_ published: VerifiedCheckpoint?) {
        self.published = Mutex(published)
    }

    func run(
        _ integration: TileIntegration,
        interval: Int64,
        time: TimeSource,
        _ onHealth: (Integrator.Health) -> Void
    ) {
        var health: Integrator.Health?
        var isLast = false
        while !isLast {
            // Looked at before the step: the last step must see what was written before it was asked for.
            isLast = isStopping.load(ordering: .acquiring)
            let due = TimeSource.system.monotonic() + interval
            let new: Integrator.Health
            do throws(AuditError) {
                try integration.step(now: time.monotonic()) { isStopping.load(ordering: .relaxed) && !isLast }
                publish(integration.published)
                new = .publishing
            } catch {
                new = .failed("\(error)")
            }
            if new != health { onHealth(new) }
            health = new
            if !isLast { sleep(until: due) }
        }
    }

    private func publish(_ checkpoint: VerifiedCheckpoint?) {
        published.withLock { $0 = checkpoint }
        changed.lock()
        changed.unlock()
        changed.broadcast()
    }

    private func sleep(until due: Int64) {
        changed.lock()
        while !isStopping.load(ordering: .acquiring), changed.wait(until: due) {}
        changed.unlock()
    }

    func waitUntilCovered(_ size: UInt64, deadline: Int64) -> Bool {
        changed.lock()
        defer { changed.unlock() }
        while true {
            if let covered = published.withLock({ $0?.checkpoint.size }), covered >= size { return true }
            guard changed.wait(until: deadline) else { return false }
        }
    }

    func stop() {
        changed.lock()
        isStopping.store(true, ordering: .releasing)
        changed.unlock()
        changed.broadcast()
    }
}
