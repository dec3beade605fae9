// SPDX-License-Identifier: Apache-2.0

/// A checkpoint that its log's key has signed.
public struct VerifiedCheckpoint: Hashable, Sendable {
    /// What was signed.
    public let checkpoint: Checkpoint
    /// As it came, all its signatures included.
    public let note: SignedNote

    /// Why a note is no checkpoint of a log.
    public enum Fault: String, Error, Sendable, CustomStringConvertible {
        case malformed = "is no signed checkpoint"
        case unsigned = "has no signature by the log's key"
        case signature = "has a wrong signature by the log's key"
        case origin = "is of another log than the key"

        /// Reads on from the file's name.
        public var description: String { rawValue }
    }

    /// Verifies a note.
    ///
    /// - Parameter verifier: the log's key; its name is the log's origin.
    public init(_ bytes: some Collection<UInt8>, verifier: NoteVerifier) throws(Fault) {
        guard let note = SignedNote(bytes), let checkpoint = Checkpoint(text: note.text) else { throw .malformed }
        switch verifier.verify(note) {
        case .valid: break
        case .invalid: throw .signature
        case .absent: throw .unsigned
        }
        guard checkpoint.origin.utf8.elementsEqual(verifier.name.utf8) else { throw .origin }
        self.checkpoint = checkpoint
        self.note = note
    }

    init(signed note: SignedNote, _ checkpoint: Checkpoint) {
        self.note = note
        self.checkpoint = checkpoint
    }
}
