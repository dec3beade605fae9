// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Synchronization

/// Removes the oldest records of a log, of which only the tree's hashes stay.
///
/// In this order, each step on the disk before the next: the caller's audit record, a checkpoint that covers it, the note
/// that is signed (``mark(_:record:covered:)``), the bundles and then the journal's segments (``clean(atMost:forget:)``). After a
/// crash the bundles before the note's end that are still there go first of all; without a note nothing has gone.
///
/// One thread prunes; any may ask for ``firstHeld``.
public final class LogPruner: Sendable {
    /// The `action` of the records that say what is pruned.
    public static let action = "audit.prune"
    /// So many of the newest records stay whatever the policy says: the next start verifies the log's end by them.
    static let margin: UInt64 = 4 * UInt64(TilePath.fullWidth)
    /// Bundles of one plan.
    private static let maximumBundles: UInt64 = 4096
    private static let width = UInt64(TilePath.fullWidth)

    private struct State {
        var note: PruningNote?
        var signed: [UInt8]?
        /// Bundles before this one are gone.
        var cleaned: UInt64
        /// Bundles before this one are in `total`.
        var counted: UInt64
        /// Bytes of the bundles that are held.
        var total: Int64 = 0
        /// The last one that was looked at: the next look begins with it mostly.
        var known: BundleSummary?
    }

    private let log: AuditLog
    private let directory: String
    private let signer: NoteSigner
    private let files: any FileSystem
    private let state: Mutex<State>
    private let held: Atomic<UInt64>

    /// - Parameter directory: of the transparency log that is made from `log`.
    /// - Throws: ``AuditError`` `corrupt` when there is a note that the signer's key did not sign.
    public convenience init(log: AuditLog, directory: String, signer: NoteSigner) throws(AuditError) {
        try self.init(log: log, directory: directory, signer: signer, files: SystemFileSystem())
    }

    package init(
        log: AuditLog,
        directory: String,
        signer: NoteSigner,
        files: any FileSystem
    ) throws(AuditError) {
        self.log = log
        self.directory = directory
        self.signer = signer
        self.files = files
        let folder = LogFolder(directory, files: files)
        let note = try PruningNote.read(folder, verifier: signer.verifier)
        let first = (note?.end ?? 0) / Self.width
        state = Mutex(
            State(
                note: note,
                signed: try folder.read(PruningNote.file),
                cleaned: (note?.from ?? 0) / Self.width,
                counted: first
            )
        )
        held = Atomic(note?.end ?? 0)
    }

    /// The first record that is held; those before it are pruned.
    public var firstHeld: UInt64 { held.load(ordering: .acquiring) }

    /// The signed note; nil when nothing was pruned.
    public var note: [UInt8]? { state.withLock { $0.signed } }

    /// Bytes of the bundles that are held, as far as they were counted: with a bound of bytes alone.
    public var heldBytes: Int64 { state.withLock { $0.total } }

    // MARK: - Planning

    /// What may go now.
    ///
    /// - Parameters:
    ///   - checkpoint: the newest.
    ///   - needed: no record from this one on may go: somebody has yet to read it.
    /// - Throws: ``AuditError`` when a bundle cannot be read, or is not the checkpoint's.
    public func plan(
        _ policy: RetentionPolicy,
        now: UnixTime,
        checkpoint: Checkpoint,
        needed: UInt64
    ) throws(AuditError) -> PrunePlan {
        let from = firstHeld
        let covered = checkpoint.size
        let last = min(covered - min(covered, Self.margin), needed)
        let tiles = TileReader(LogFolder(directory, files: files))
        var bundle = from / Self.width
        let end = min(last / Self.width, bundle + Self.maximumBundles)
        let total = policy.bytes > 0 ? try count(upTo: covered / Self.width) : 0
        return try PrunePlan(from: from, policy, now: now, total: total) { () throws(AuditError) in
            guard bundle < end else { return nil }
            defer { bundle += 1 }
            return try summary(of: bundle, tiles, checkpoint)
        }
    }

    /// Goes through the bundles that are held from that record on, until one is not wanted.
    ///
    /// - Parameters:
    ///   - covered: records that are in the bundles; the newest of them are left alone.
    ///   - body: is given a bundle with its records; false ends it.
    /// - Returns: where the next visit begins.
    public func visit(
        from index: UInt64,
        covered: UInt64,
        atMost bundles: Int,
        _ body: (BundleSummary, [[UInt8]]) throws -> Bool
    ) throws -> UInt64 {
        let tiles = TileReader(LogFolder(directory, files: files))
        var bundle = index / Self.width
        let end = min((covered - min(covered, Self.margin)) / Self.width, bundle + UInt64(bundles))
        while bundle < end {
            let (bytes, records) = try read(bundle, tiles)
            let summary = BundleSummary(first: bundle * Self.width, bytes, records)
            guard try body(summary, records.map { Array(bytes[$0]) }) else { break }
            bundle += 1
        }
        return bundle * Self.width
    }

    private func count(upTo end: UInt64) throws(AuditError) -> Int64 {
        var (next, total) = state.withLock { ($0.counted, $0.total) }
        while next < end {
            let path = "\(directory)/\(TilePath(.entries, next).path)"
            do {
                let file = try files.open(path, writable: false)
                defer { files.close(file) }
                total += try files.size(file)
            } catch {
                throw AuditError(error, file: path)
            }
            next += 1
        }
        state.withLock { ($0.counted, $0.total) = (next, total) }
        return total
    }

    private func summary(
        of bundle: UInt64,
        _ tiles: TileReader,
        _ checkpoint: Checkpoint
    ) throws(AuditError) -> BundleSummary {
        let first = bundle * Self.width
        if let known = state.withLock({ $0.known }), known.first == first { return known }
        let (bytes, records) = try read(bundle, tiles)
        try verify(bundle, bytes, records, tiles, checkpoint)
        let summary = BundleSummary(first: first, bytes, records)
        state.withLock { $0.known = summary }
        return summary
    }

    /// Each record must be the one that was hashed, and the hashes lead to the signed root: what somebody changed is
    /// evidence, and must not go.
    private func verify(
        _ bundle: UInt64,
        _ bytes: [UInt8],
        _ records: [Range<Int>],
        _ tiles: TileReader,
        _ checkpoint: Checkpoint
    ) throws(AuditError) {
        let hasher = TreeHasher()
        let first = bundle * Self.width
        let leaves = try tiles.hashes(of: TilePath(.hashes(level: 0), bundle))
        let isOwn = bytes.withUnsafeBytes { bytes in
            zip(records, leaves).allSatisfy { hasher.leaf(UnsafeRawBufferPointer(rebasing: bytes[$0])) == $1 }
        }
        // The way of one leaf is made of all that are in its tile.
        let path = try MerkleTree.inclusionProof(of: first, size: checkpoint.size) { (node) throws(AuditError) in
            try tiles.hash(of: node, size: checkpoint.size)
        }
        let root = MerkleTree.root(including: leaves[0], at: first, size: checkpoint.size, path: path)
        guard isOwn, root == checkpoint.root else {
            throw AuditError(
                .corrupt,
                file: "\(directory)/\(TilePath(.entries, bundle).path)",
                "its records are not those of the checkpoint; nothing is pruned; keep the log, and run 'tollgate audit verify'"
            )
        }
    }

    private func read(_ bundle: UInt64, _ tiles: TileReader) throws(AuditError) -> ([UInt8], [Range<Int>]) {
        let path = TilePath(.entries, bundle)
        let bytes = try tiles.bytes(of: path)
        guard let records = EntryBundle.records(in: bytes, count: path.width) else {
            throw AuditError(.corrupt, file: "\(directory)/\(path.path)", "the bundle is damaged; nothing is pruned")
        }
        return (bytes, records)
    }

    /// The time of a record that is held; nil when it cannot be read.
    public func time(of record: UInt64) -> UnixTime? {
        guard let bytes = try? log.reader().record(at: record) else { return nil }
        return bytes.withUnsafeBytes { bytes in RecordFields.read(bytes) { $0.time } }
    }

    // MARK: - Pruning

    /// Puts the note on the disk that the plan's records are pruned: from now on they are.
    ///
    /// - Parameters:
    ///   - record: the index of the audit record that says so.
    ///   - covered: records of a checkpoint that covers it.
    /// - Throws: ``AuditError``; nothing has gone then.
    public func mark(_ plan: PrunePlan, record: UInt64, covered: UInt64) throws(AuditError) {
        precondition(plan.from == firstHeld && plan.from < plan.end, "the plan is of this log as it is now")
        precondition(plan.end <= record && record < covered, "the record is held and covered")
        let folder = LogFolder(directory, files: files)
        let tiles = TileReader(folder)
        let root = try MerkleTree.root(size: plan.end) { (node) throws(AuditError) in
            try tiles.hash(of: node, size: covered)
        }
        let note = PruningNote(
            origin: signer.verifier.name,
            from: plan.from,
            end: plan.end,
            root: root,
            record: record
        )
        let signed: SignedNote
        do {
            signed = try signer.sign(note.text)
        } catch {
            throw AuditError(.io, file: folder.path(of: PruningNote.file), "the note cannot be signed: \(error)")
        }
        try folder.writeDurably(PruningNote.file, signed.bytes)
        state.withLock { state in
            state.note = note
            state.signed = signed.bytes
            state.known = nil
            state.total -= min(state.total, plan.bytes)
            state.counted = max(state.counted, plan.end / Self.width)
        }
        held.store(note.end, ordering: .releasing)
    }

    /// Removes what the note says has gone.
    ///
    /// - Parameters:
    ///   - bundles: it stops behind so many.
    ///   - forget: is given the records of each bundle that is still there, with the first one's index, before the bundle
    ///     goes.
    /// - Returns: whether all has gone.
    /// - Throws: ``AuditError``, and what `forget` throws; the next call goes on.
    public func clean(atMost bundles: Int, forget: (UInt64, [[UInt8]]) throws -> Void) throws -> Bool {
        let (note, first) = state.withLock { ($0.note, $0.cleaned) }
        guard let note else { return true }
        let end = note.end / Self.width
        let folder = LogFolder(directory, files: files)
        let stop = min(end, first + UInt64(bundles))
        var bundle = first
        while bundle < stop {
            try remove(bundle, folder, forget)
            bundle += 1
            state.withLock { $0.cleaned = bundle }
        }
        guard bundle == end else { return false }
        if first < end { try folder.sync() }
        try log.removeSegments(before: note.end)
        return true
    }

    private func remove(_ bundle: UInt64, _ folder: LogFolder, _ forget: (UInt64, [[UInt8]]) throws -> Void) throws {
        let tile = TilePath(.entries, bundle)
        if let bytes = try folder.read(tile.path) {
            let records = EntryBundle.records(in: bytes, count: tile.width) ?? []
            try forget(bundle * Self.width, records.map { Array(bytes[$0]) })
            try folder.remove(tile.path)
        }
        folder.removeFolder(tile.partialsPath)
        // The last of its folder takes the folder along.
        if bundle % 1000 == 999 { folder.removeEmptyFolder(String(tile.path.dropLast(4))) }
    }

    // MARK: - The journal

    /// Has the next record begin a new segment of the journal when the present one was begun before that time: a segment
    /// goes as a whole, so one that nothing fills would keep the oldest records for as long.
    public func beginSegment(ifBegunBefore time: UnixTime) {
        guard let begun = self.time(of: log.lastSegment), begun < time else { return }
        log.beginSegment()
    }
}
