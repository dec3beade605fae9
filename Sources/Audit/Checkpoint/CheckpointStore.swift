// SPDX-License-Identifier: Apache-2.0

/// The `checkpoint` file of a log: one that is newer takes the place of the one before, on the disk before anybody sees
/// it, and never the other way round.
struct CheckpointStore {
    private let folder: LogFolder
    private let signer: NoteSigner
    /// The newest.
    private(set) var last: VerifiedCheckpoint?

    /// Reads the newest checkpoint.
    ///
    /// - Throws: ``AuditError`` `corrupt` when there is a file and its key did not sign it.
    init(_ folder: LogFolder, signer: NoteSigner) throws(AuditError) {
        self.folder = folder
        self.signer = signer
        last = try Self.read(folder, verifier: signer.verifier)
    }

    static func read(_ folder: LogFolder, verifier: NoteVerifier) throws(AuditError) -> VerifiedCheckpoint? {
        guard let bytes = try folder.read(LogFolder.checkpoint) else { return nil }
        do {
            return try VerifiedCheckpoint(bytes, verifier: verifier)
        } catch {
            throw AuditError(
                .corrupt,
                file: folder.path(of: LogFolder.checkpoint),
                "the checkpoint \(error) (\(verifier.name)); nothing was changed; restore the log and its key from a copy, "
                    + "or, where the log's name was changed, change it back"
            )
        }
    }

    /// Signs a checkpoint and puts it in place of the last.
    ///
    /// - Precondition: the records and tiles that it covers are on the disk, and it is the tree of the last one, grown.
    mutating func publish(size: UInt64, root: TreeHash) throws(AuditError) {
        if let last = last?.checkpoint {
            // One signature that contradicts another would make the log worthless: better none.
            precondition(size > last.size || size == last.size && root == last.root, "a checkpoint never goes back")
            if size == last.size { return }
        }
        let checkpoint = Checkpoint(origin: signer.verifier.name, size: size, root: root)
        let note: SignedNote
        do {
            note = try signer.sign(checkpoint.text)
        } catch {
            throw AuditError(
                .io,
                file: folder.path(of: LogFolder.checkpoint),
                "the checkpoint cannot be signed: \(error)"
            )
        }
        try folder.writeDurably(LogFolder.checkpoint, note.bytes)
        last = VerifiedCheckpoint(signed: note, checkpoint)
    }
}
