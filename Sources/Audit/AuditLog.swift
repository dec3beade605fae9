// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Synchronization

/// The audit log: takes records from any thread and says of each when it is safe.
///
/// ```swift
/// let log = try AuditLog(configuration: configuration, time: .system)
/// let mailbox = Mailbox { wakeup.fire() }
/// let batch = RecordBatch(mailbox: mailbox)
/// batch.append(record, ticket: 7)
/// log.submit(batch)
/// ```
///
/// A thread of its own takes what waits, up to 1 MiB, appends it to the journal in one write, has it brought to the disk
/// with one fdatasync and then wakes the mailboxes: the more submitters, the larger the groups. With
/// ``AuditDurability/written`` it does not wait for the disk, which another thread sees to. Records are in the log
/// in the order of submission, with indices from 0 and without gaps, across restarts too.
///
/// When a write or sync fails, its group fails, as does every later submission, at once, until the journal has been
/// opened anew and its last segment verified.
public final class AuditLog: Sendable {
    /// As it was opened.
    public let configuration: AuditConfiguration
    /// What opening found.
    public let recovery: JournalRecovery
    private let state: AuditState
    private let queue: SubmissionQueue
    private let offsets: OffsetIndex
    private let files: any FileSystem
    private let thread: Mutex<SystemThread?>

    /// Opens or makes the log and starts its thread.
    ///
    /// - Parameter onHealth: Called with every change of ``health``, on the writer's thread.
    /// - Throws: ``AuditError`` `locked` when another process writes it, `corrupt` with file and offset when records
    ///   were damaged, `truncated` when it is shorter than `knownSize`, `version`, `io` or `configuration`.
    public convenience init(
        configuration: AuditConfiguration,
        time: TimeSource,
        onHealth: @escaping @Sendable (AuditHealth) -> Void = { _ in }
    ) throws(AuditError) {
        try self.init(configuration: configuration, time: time, files: SystemFileSystem(), onHealth: onHealth)
    }

    package init(
        configuration: AuditConfiguration,
        time: TimeSource,
        files: any FileSystem,
        makesSpare: Bool = true,
        onHealth: @escaping @Sendable (AuditHealth) -> Void = { _ in }
    ) throws(AuditError) {
        guard !configuration.directory.isEmpty, configuration.segmentBytes >= 4096 else {
            throw AuditError(
                .configuration,
                file: configuration.directory,
                "the audit directory must be named and a segment have at least 4096 bytes"
            )
        }
        var background: BackgroundSync?
        var spare: SpareSegment?
        do {
            switch configuration.durability {
            case .written: background = try BackgroundSync(files: files)
            case .durable where !makesSpare: break
            case .durable:
                spare = try SpareSegment(
                    directory: configuration.journalDirectory,
                    size: configuration.segmentBytes,
                    files: files
                )
            }
        } catch {
            throw AuditError(.io, file: configuration.directory, "no thread can be started for its files: \(error)")
        }
        let journal = try Journal(
            directory: configuration.journalDirectory,
            segmentBytes: configuration.segmentBytes,
            knownSize: configuration.knownSize,
            isDurable: configuration.durability == .durable,
            files: files,
            background: background,
            spare: spare
        )
        let state = AuditState(size: journal.next, synced: journal.synced)
        let queue = SubmissionQueue(maximumBytes: configuration.maximumQueuedBytes)
        self.configuration = configuration
        self.state = state
        self.queue = queue
        self.files = files
        recovery = journal.recovery
        offsets = journal.offsets
        let writer = GroupWriter(
            journal: journal,
            queue: queue,
            state: state,
            isDurable: configuration.durability == .durable,
            time: time,
            onHealth: onHealth
        )
        do {
            thread = Mutex(try SystemThread(name: "audit-writer") { writer.run() })
        } catch {
            throw AuditError(.io, file: configuration.directory, "no thread can be started for the writer")
        }
    }

    deinit {
        close()
    }

    /// Queues a batch, from any thread and without I/O; it comes back to its mailbox with its outcome.
    ///
    /// When the log is failing, closed or has too much waiting, it fails before this returns.
    public func submit(_ batch: RecordBatch) {
        guard !batch.isEmpty, !queue.put(batch) else { return }
        state.failures.add(UInt64(batch.count), ordering: .relaxed)
        batch.first = nil
        Mailbox.deliver([batch])
    }

    /// How many records are sealed: the index of the next.
    public var size: UInt64 { state.size.load(ordering: .acquiring) }

    /// How many of them are on the disk, where no crash of the machine can take them: all, but with
    /// ``AuditDurability/written``.
    public var durableSize: UInt64 { state.synced.load(ordering: .acquiring) }

    /// Whether the log takes records.
    public var health: AuditHealth { state.health.withLock { $0 } }

    /// Whether ``health`` is ``AuditHealth/writing``, for who asks with every request: what cannot be recorded must not be
    /// done.
    public var isWriting: Bool { state.isWriting.load(ordering: .acquiring) }

    /// The counters since the log was opened.
    public var metrics: AuditMetrics { state.metrics(queued: queue.count) }

    /// A reader of the sealed records, for use by one thread at a time.
    public func reader() -> AuditReader {
        AuditReader(directory: configuration.journalDirectory, files: files, offsets: offsets) { [state] in
            state.size.load(ordering: .acquiring)
        }
    }

    // MARK: - Segments

    /// The index of the first record of the segment that is written now.
    var lastSegment: UInt64 { offsets.last }

    /// Has the next group begin a new segment.
    func beginSegment() { state.wantsSegment.store(true, ordering: .relaxed) }

    /// Removes the files of those segments that hold no record from `end` on, the oldest first; the newest stays.
    ///
    /// - Throws: ``AuditError`` `io`; those that are left go with the next start's first call.
    func removeSegments(before end: UInt64) throws(AuditError) {
        let directory = configuration.journalDirectory
        let gone = offsets.removeSegments(before: end)
        guard !gone.isEmpty else { return }
        for first in gone {
            let path = SegmentFile.path(directory, first: first)
            do {
                try files.remove(path)
            } catch {
                throw AuditError(error, file: path)
            }
        }
        do {
            try files.syncDirectory(directory)
        } catch {
            throw AuditError(error, file: directory)
        }
    }

    /// Writes what waits, ends the thread and gives the journal free for others. Later submissions fail.
    public func close() {
        let thread = self.thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        guard let thread else { return }
        queue.close()
        thread.join()
        _ = state.change(.failed("the audit log is closed"))
    }
}
