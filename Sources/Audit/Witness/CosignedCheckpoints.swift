// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The file `checkpoint.cosigned` of a log, beside `checkpoint`: the newest checkpoint that enough witnesses have cosigned.
///
/// `checkpoint` waits for nobody, so that it covers every record soon; this one follows as the witnesses answer. It is the
/// same tree, smaller or equal, and never goes back.
public final class CosignedCheckpoints: Sendable {
    private struct State {
        let folder: LogFolder
        var newest: VerifiedCheckpoint?
        /// Checkpoints that wait for cosignatures, by size.
        var pending: [UInt64: (checkpoint: VerifiedCheckpoint, by: [Int: SignedNote.Signature])] = [:]
        var isClosed = false
    }

    /// The file's name.
    public static let file = "checkpoint.cosigned"
    /// A witness that is slow may answer for a checkpoint that is so many behind.
    private static let maximumPending = 64

    private let witnesses: [NoteVerifier]
    private let quorum: Int
    private let state: Mutex<State>

    /// Reads the file of an earlier process; one that has not enough of these witnesses' cosignatures counts as none.
    ///
    /// - Parameters:
    ///   - directory: the log's folder.
    ///   - verifier: the log's key.
    ///   - quorum: cosignatures that make a checkpoint count; 0 is as 1.
    /// - Throws: ``AuditError`` `io` when the file cannot be read.
    public convenience init(
        directory: String,
        verifier: NoteVerifier,
        witnesses: [NoteVerifier],
        quorum: Int
    ) throws(AuditError) {
        try self.init(
            LogFolder(directory, files: SystemFileSystem()),
            verifier: verifier,
            witnesses: witnesses,
            quorum: quorum
        )
    }

    init(
        _ folder: sending LogFolder,
        verifier: NoteVerifier,
        witnesses: [NoteVerifier],
        quorum: Int
    ) throws(AuditError) {
        self.witnesses = witnesses
        self.quorum = max(1, quorum)
        let found = try Self.read(folder, verifier)
        let count = found.map { found in witnesses.count { Self.time($0, found) != nil } } ?? 0
        state = Mutex(State(folder: folder, newest: count >= max(1, quorum) ? found : nil))
    }

    /// The newest; nil before there are enough cosignatures.
    public var newest: VerifiedCheckpoint? { state.withLock { $0.newest } }

    /// The size of the newest checkpoint if that witness cosigned it; a beginning for what it knows.
    public func size(cosignedBy witness: NoteVerifier) -> UInt64? {
        newest.flatMap { Self.time(witness, $0) == nil ? nil : $0.checkpoint.size }
    }

    /// Keeps a cosignature, and writes the file when the checkpoint has enough of them and is not older than the newest.
    ///
    /// - Throws: ``AuditError`` `io` when the file cannot be written.
    public func add(_ cosignature: Cosignature, to checkpoint: VerifiedCheckpoint) throws(AuditError) {
        guard let place = witnesses.firstIndex(where: { $0.isOwn(cosignature.signature) }) else { return }
        try state.withLock { (state) throws(AuditError) in
            let size = checkpoint.checkpoint.size
            guard !state.isClosed, size >= state.newest?.checkpoint.size ?? 0 else { return }
            state.pending[size, default: (checkpoint, [:])].by[place] = cosignature.signature
            if state.pending.count > Self.maximumPending, let least = state.pending.keys.min() {
                state.pending[least] = nil
            }
            guard let by = state.pending[size]?.by, by.count >= quorum else { return }
            // The witnesses' in the order of the configuration, so that a note is the same however they came.
            let signatures = checkpoint.note.signatures + by.sorted { $0.key < $1.key }.map(\.value)
            let note = SignedNote(text: checkpoint.note.text, signatures: signatures)
            try state.folder.writeDurably(Self.file, note.bytes)
            state.newest = VerifiedCheckpoint(signed: note, checkpoint.checkpoint)
            // Further cosignatures of the same checkpoint may come; those of earlier ones are of no use any more.
            state.pending = state.pending.filter { $0.key >= size }
        }
    }

    /// Nothing is written any more when this returns: somebody else has the file.
    public func close() { state.withLock { $0.isClosed = true } }

    /// Reads the file; nil when there is none, or none that this key signed.
    ///
    /// - Throws: ``AuditError`` `io` when it cannot be read.
    public static func read(directory: String, verifier: NoteVerifier) throws(AuditError) -> VerifiedCheckpoint? {
        try read(LogFolder(directory, files: SystemFileSystem()), verifier)
    }

    private static func read(_ folder: LogFolder, _ verifier: NoteVerifier) throws(AuditError) -> VerifiedCheckpoint? {
        try folder.read(file).flatMap { try? VerifiedCheckpoint($0, verifier: verifier) }
    }

    private static func time(_ witness: NoteVerifier, _ checkpoint: VerifiedCheckpoint) -> UInt64? {
        if case .valid(at: let time?) = witness.verify(checkpoint.note) { time } else { nil }
    }
}
