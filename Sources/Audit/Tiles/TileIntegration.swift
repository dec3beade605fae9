// SPDX-License-Identifier: Apache-2.0

/// Brings the journal's records into the tiles, and signs for them: what the ``Integrator``'s thread does in one step.
///
/// The journal is the truth, the tiles are made from it: what a crash left of them behind the last checkpoint is written
/// anew, and what is missing before it as well.
final class TileIntegration {
    private let log: AuditLog
    private let reader: AuditReader
    private let folder: LogFolder
    private let verifier: NoteVerifier
    private var checkpoints: CheckpointStore
    /// nil until the first step, and after an error.
    private var writer: TileWriter?
    /// Whether all tiles of the last checkpoint were written, or verified, by this process.
    private var isWritten = false
    /// Full tiles whose partial ones are to be removed, and when; partial ones are left a while to who reads them.
    private var filled: [(at: Int64, tile: TilePath)] = []

    /// How long partial tiles are left behind a full one, in nanoseconds.
    private static let grace: Int64 = 60_000_000_000
    /// So many full tiles before the last checkpoint may have partial ones that an earlier process left.
    private static let leftovers: UInt64 = 64
    /// Records between two looks at whether to end.
    private static let stride: UInt64 = 4096

    /// - Throws: ``AuditError`` `corrupt` when the last checkpoint is not the signer's.
    init(log: AuditLog, folder: LogFolder, signer: NoteSigner) throws(AuditError) {
        self.log = log
        self.folder = folder
        reader = log.reader()
        verifier = signer.verifier
        checkpoints = try CheckpointStore(folder, signer: signer)
    }

    /// The newest checkpoint.
    var published: VerifiedCheckpoint? { checkpoints.last }

    /// Integrates what is durable and publishes a checkpoint of it.
    ///
    /// - Parameter ends: asked now and then; true makes it publish what it has.
    /// - Throws: ``AuditError``; the next step begins anew from what is on the disk.
    func step(now: Int64, ends: () -> Bool) throws(AuditError) {
        do throws(AuditError) {
            let writer = try resumed()
            try integrate(into: writer, ends)
            // A tree that is being built anew has nothing to show before it has caught up.
            guard writer.size >= checkpoints.last?.checkpoint.size ?? 0 else { return }
            if writer.size != checkpoints.last?.checkpoint.size || !isWritten {
                try writer.writePartials()
                try folder.sync()
                try checkpoints.publish(size: writer.size, root: writer.root)
                isWritten = true
            }
        } catch {
            writer = nil
            throw error
        }
        removePartials(now)
    }

    private func integrate(into writer: TileWriter, _ ends: () -> Bool) throws(AuditError) {
        let target = log.durableSize
        reader.seek(to: writer.size)
        while writer.size < target {
            guard try reader.advance() != nil else { break }
            try reader.withRecord { (record) throws(AuditError) in try writer.append(record) }
            if let last = checkpoints.last?.checkpoint, writer.size == last.size, writer.root != last.root {
                throw contradiction("do not lead to the root of the checkpoint")
            }
            if writer.size % Self.stride == 0, ends() { break }
        }
    }

    // MARK: - Resuming

    private func resumed() throws(AuditError) -> TileWriter {
        if let writer { return writer }
        isWritten = false
        let made = try resume()
        writer = made
        let full = made.size / UInt64(TilePath.fullWidth)
        for index in full - min(full, Self.leftovers)..<full {
            filled += [.entries, .hashes(level: 0)].map { (0, TilePath($0, index)) }
        }
        return made
    }

    private func resume() throws(AuditError) -> TileWriter {
        guard let last = checkpoints.last?.checkpoint, last.size > 0 else { return try first() }
        guard log.durableSize >= last.size else {
            throw contradiction("end after \(log.durableSize) records, before those of the checkpoint")
        }
        // Damaged or missing tiles are made anew, from the first record on that is held.
        guard let writer = try? TileWriter(folder, resumingAt: last.size), writer.root == last.root else {
            return try first()
        }
        try verifyTail(size: last.size)
        return writer
    }

    /// The tree of the records that were pruned, whose hashes are all that is left of them.
    private func first() throws(AuditError) -> TileWriter {
        guard let pruned = try PruningNote.read(folder, verifier: verifier) else { return TileWriter(folder) }
        let size = checkpoints.last?.checkpoint.size ?? 0
        let writer = try TileWriter(folder, resumingAt: pruned.end, prunedIn: size)
        guard writer.root == pruned.root else {
            throw AuditError(
                .corrupt,
                file: folder.path(of: PruningNote.file),
                "the hashes of the \(pruned.end) records that were pruned are not those that were signed; nothing is "
                    + "signed; restore the tiles from a copy"
            )
        }
        return writer
    }

    /// The journal's last records must be those of the tree.
    private func verifyTail(size: UInt64) throws(AuditError) {
        let tiles = TileReader(folder)
        let hasher = TreeHasher()
        reader.seek(to: size - min(size, UInt64(TilePath.fullWidth)))
        while reader.position < size {
            guard let index = try reader.advance() else { break }
            let leaf = reader.withRecord { hasher.leaf($0) }
            guard try tiles.leaf(index, size: size) == leaf else {
                throw contradiction("are not those of the checkpoint from record \(index) on")
            }
        }
    }

    private func contradiction(_ reason: String) -> AuditError {
        AuditError(
            .corrupt,
            file: log.configuration.journalDirectory,
            "the journal's records \(reason); nothing is signed; restore the journal from a copy"
        )
    }

    // MARK: - Partial tiles

    private func removePartials(_ now: Int64) {
        for tile in writer?.takeFilled() ?? [] { filled.append((now + Self.grace, tile)) }
        var done = 0
        while done < filled.count, filled[done].at <= now {
            folder.removeFolder(filled[done].tile.partialsPath)
            done += 1
        }
        filled.removeFirst(done)
    }
}
