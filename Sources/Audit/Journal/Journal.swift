// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Writes records into segments, without a thread or lock of its own.
///
/// ``append(_:)`` writes a group, ``seal(sync:)`` makes it part of the journal. After an error of either the journal is
/// broken until ``reopen()`` succeeds; what was not sealed is cut off then.
final class Journal {
    let directory: String
    let offsets: OffsetIndex
    /// What opening found.
    private(set) var recovery: JournalRecovery
    /// The next index.
    private(set) var next: UInt64
    /// Records that no crash of the machine can take.
    private(set) var synced: UInt64

    let files: any FileSystem
    var lock: JournalLock
    let segmentBytes: Int64
    /// The last segment: its descriptor (-1 when closed), its first index, its path, where its last sealed record ends and where
    /// its last synced record ends.
    var file: Int32 = -1
    var first: UInt64
    var path: String
    var end: Int64
    var syncedEnd: Int64
    /// The file's size, when it has room behind `end`: to write there does not change it, so that a sync has less to do.
    var preparedEnd: Int64
    /// Whether groups are synced before they are sealed: then the disk is the truth, otherwise the page cache is.
    let isDurable: Bool
    /// Once a new segment's file may be there, no record may go to the old one: the new one's name says so.
    var mustRotate = false
    var pending = Pending()
    /// What one write is made of; empty between writes.
    private var pieces: [UnsafeRawBufferPointer] = []
    /// Brings records to the disk that were sealed without that, and how far it will have come.
    private let background: BackgroundSync?
    private var syncing: (next: UInt64, end: Int64)?
    /// Where groups are synced, the next segment.
    private let spare: SpareSegment?

    struct Pending {
        var count: UInt64 = 0
        var bytes: Int64 = 0
        var marks: [(index: UInt64, offset: Int64)] = []

        mutating func clear() {
            count = 0
            bytes = 0
            marks.removeAll(keepingCapacity: true)
        }
    }

    /// Opens or makes the journal in `directory`, cutting off what a crash left unfinished.
    ///
    /// - Parameters:
    ///   - knownSize: As many records must be there at least.
    ///   - isDurable: Whether every group will be synced before it is sealed.
    /// - Throws: ``AuditError`` `locked`, `corrupt`, `truncated`, `version` or `io`.
    init(
        directory: String,
        segmentBytes: Int64,
        knownSize: UInt64,
        isDurable: Bool,
        files: any FileSystem,
        background: BackgroundSync? = nil,
        spare: SpareSegment? = nil
    ) throws(AuditError) {
        do {
            try files.makeDirectory(directory)
        } catch {
            throw AuditError(error, file: directory)
        }
        self.directory = directory
        self.segmentBytes = segmentBytes
        self.isDurable = isDurable
        self.background = background
        self.spare = spare
        self.files = files
        lock = try JournalLock(directory: directory, files: files)
        var firsts = try SegmentFile.list(directory, files)
        if firsts.isEmpty {
            files.close(try SegmentFile.create(directory, first: 0, size: 0, files).file)
            firsts = [0]
        }
        let last = firsts[firsts.count - 1]
        let offsets = OffsetIndex(firsts: firsts)
        if isDurable { try Self.dropCache(directory, first: last, files) }
        let found = try SegmentEnd.find(directory: directory, first: last, files: files) { index, offset in
            offsets.note(index, at: offset, segment: last)
        }
        self.offsets = offsets
        path = SegmentFile.path(directory, first: last)
        if found.next == last, firsts.count > 1 {
            // Nothing in an empty segment says that it belongs here: the one before must lead up to it.
            let before = try SegmentEnd.find(directory: directory, first: firsts[firsts.count - 2], files: files)
            guard before.next == last else {
                throw AuditError(
                    .corrupt,
                    file: path,
                    offset: 0,
                    "the segment before it ends with record \(before.next), not \(last); nothing was changed; restore "
                        + "the journal from a copy"
                )
            }
        }
        guard found.next >= knownSize else {
            throw AuditError(
                .truncated,
                file: path,
                offset: found.offset,
                "the journal ends after \(found.next) records, but \(knownSize) are known to have been in it; nothing "
                    + "was changed; restore the journal from a copy"
            )
        }
        first = last
        next = found.next
        end = max(found.offset, SegmentFile.headerSize)
        synced = 0
        syncedEnd = isDurable ? end : SegmentFile.headerSize
        preparedEnd = end
        recovery = JournalRecovery(size: found.next, cutBytes: 0, file: path, offset: end)
        recovery.cutBytes = try adopt(hasHeader: found.hasHeader)
    }

    deinit {
        closeFile()
    }

    // MARK: - Writing

    /// Writes the records' frames behind the last ones.
    func append(_ batches: [RecordBatch]) throws(AuditError) {
        var bytes: Int64 = 0
        for batch in batches { bytes += Int64(batch.frames.count) }
        if mustRotate || isFull(with: bytes) { try rotate() }
        pieces.removeAll(keepingCapacity: true)
        pending.clear()
        var index = next
        var place = end
        for batch in batches {
            batch.complete(from: index, synced: synced)
            var record = Int((first &- index) % OffsetIndex.stride)
            while record < batch.count {
                pending.marks.append((index + UInt64(record), place + Int64(batch.start(of: record))))
                record += Int(OffsetIndex.stride)
            }
            index += UInt64(batch.count)
            pieces.append(batch.frames)
            place += Int64(batch.frames.count)
        }
        pending.count = index - next
        pending.bytes = bytes
        preparedEnd = max(preparedEnd, place)
        // A quarter faster than the records come.
        spare?.prepare(place + place / 4)
        try attempt { (files) throws(FileFault) in try files.writeAll(file, &pieces, at: end) }
    }

    /// Whether records with so many bytes belong into a new segment.
    ///
    /// The old one must be on the disk first. Without a sync of every group that is much to wait for, so the segment may
    /// grow a quarter longer until most of it is there.
    private func isFull(with bytes: Int64) -> Bool {
        guard end > SegmentFile.headerSize, end + bytes > segmentBytes else { return false }
        guard background != nil else { return true }
        return end - syncedEnd <= 1 << 20 || end + bytes > segmentBytes + segmentBytes / 4
    }

    /// Has the next records go to a new segment, unless this one has none.
    func endSegment() {
        if end > SegmentFile.headerSize { mustRotate = true }
    }

    /// Makes what was appended part of the journal; with `sync` not before it is on the disk.
    func seal(sync: Bool) throws(AuditError) {
        if sync { try attempt { (files) throws(FileFault) in try files.sync(file) } }
        try requireName()
        for mark in pending.marks { offsets.note(mark.index, at: mark.offset, segment: first) }
        next += pending.count
        end += pending.bytes
        pending.clear()
        if sync { noteSynced() }
    }

    /// Brings all sealed records to the disk.
    func sync() throws(AuditError) {
        guard synced < next else { return }
        try attempt { (files) throws(FileFault) in try files.sync(file) }
        noteSynced()
    }

    /// Begins to bring all sealed records to the disk, beside what is written meanwhile, unless that is under way.
    func beginSync() {
        guard let background, syncing == nil, synced < next else { return }
        syncing = (next, end)
        background.begin(file)
    }

    /// Learns what became of the sync that was begun, if it has ended, or with `waits` however long that takes.
    ///
    /// - Returns: The nanoseconds it took; nil when there is none that has ended.
    func endSync(waits: Bool = false) throws(AuditError) -> Int64? {
        guard let background, let reached = syncing, let outcome = waits ? background.wait() : background.poll() else {
            return nil
        }
        syncing = nil
        if let fault = outcome.fault { throw AuditError(fault, file: path) }
        (synced, syncedEnd) = reached
        return outcome.nanoseconds
    }

    /// Bytes that are not known to be on the disk, and whether they keep a full segment from its end.
    var unsynced: (bytes: Int64, isUrgent: Bool) { (end - syncedEnd, end > segmentBytes) }

    /// Records in a file that nobody can find again are lost when this process ends, however well they were synced.
    private func requireName() throws(AuditError) {
        let path = path
        var isNamed = false
        try attempt { (files) throws(FileFault) in isNamed = try files.leads(path, to: file) }
        if !isNamed { throw removed(path) }
    }

    func removed(_ path: String) -> AuditError {
        AuditError(
            .io,
            file: path,
            "the file was removed, renamed or replaced while it was in use; put it back: until the gateway ends, its bytes "
                + "are in /proc/\(getpid())/fd/\(file)"
        )
    }

    func noteSynced() {
        synced = next
        syncedEnd = end
    }

    /// Takes the room back that no record came to fill.
    private func trim() throws(AuditError) {
        guard preparedEnd > end else { return }
        try attempt { (files) throws(FileFault) in
            try files.truncate(file, to: end)
            try files.sync(file)
        }
        preparedEnd = end
        noteSynced()
    }

    func rotate() throws(AuditError) {
        _ = try endSync(waits: true)
        try trim()
        try sync()
        mustRotate = true
        let new: (file: Int32, size: Int64)
        if let spare = try takeSpare() {
            new = spare
        } else {
            new = try SegmentFile.create(directory, first: next, size: isDurable ? segmentBytes : 0, files)
        }
        closeFile()
        file = new.file
        first = next
        path = SegmentFile.path(directory, first: first)
        end = SegmentFile.headerSize
        syncedEnd = end
        preparedEnd = new.size
        mustRotate = false
        offsets.addSegment(first: first)
    }

    /// The spare segment as the new one, its name on the disk; nil when it is not whole.
    private func takeSpare() throws(AuditError) -> (file: Int32, size: Int64)? {
        guard let spare, spare.take() else { return nil }
        let path = SegmentFile.path(directory, first: next)
        do throws(FileFault) {
            try files.rename(SpareSegment.path(directory), to: path)
            try files.syncDirectory(directory)
            return (try files.open(path, writable: true), segmentBytes)
        } catch {
            throw AuditError(error, file: path)
        }
    }

    // MARK: - Parts

    /// Brings everything to the disk and gives the segment back.
    func close() throws(AuditError) {
        defer {
            closeFile()
            spare?.close()
        }
        guard file >= 0 else { return }
        _ = try endSync(waits: true)
        try trim()
        try sync()
    }

    /// Whatever comes of a sync under way, its descriptor is given up.
    func endLostSync() {
        if syncing != nil { _ = background?.wait() }
        syncing = nil
    }

    func closeFile() {
        endLostSync()
        if file >= 0 { files.close(file) }
        file = -1
    }

    func attempt(_ body: (any FileSystem) throws(FileFault) -> Void) throws(AuditError) {
        do {
            try body(files)
        } catch {
            throw AuditError(error, file: path)
        }
    }
}
