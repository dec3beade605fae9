// SPDX-License-Identifier: Apache-2.0

/// What a witness says of a checkpoint: at that time it was consistent with all that the witness had seen of the log
/// (C2SP tlog-cosignature).
public struct Cosignature: Hashable, Sendable {
    /// As it stands below the checkpoint.
    public let signature: SignedNote.Signature
    /// Seconds since 1970, by the witness's clock.
    public let time: UInt64

    /// Why a witness's answer has no cosignature that can be kept.
    public enum Fault: String, Error, Sendable, CustomStringConvertible {
        case malformed = "are no signature lines"
        case absent = "have no signature by its key"
        case invalid = "have a wrong signature by its key"

        /// Reads on from "the lines that it answered".
        public var description: String { rawValue }
    }

    /// Reads the signature lines that a witness answered with; those by other keys are ignored.
    ///
    /// - Parameters:
    ///   - lines: each with its end.
    ///   - checkpoint: what was asked for.
    ///   - witness: of kind ``NoteVerifier/Kind/cosignature``.
    public init(_ lines: [UInt8], over checkpoint: VerifiedCheckpoint, by witness: NoteVerifier) throws(Fault) {
        // The lines alone are read, so that nothing in them can become part of the text.
        let text = Array((checkpoint.note.text + "\n").utf8)
        guard !lines.isEmpty, let note = SignedNote(text + lines), note.text == checkpoint.note.text else {
            throw .malformed
        }
        switch witness.verify(note) {
        case .absent, .valid(at: nil): throw .absent
        case .invalid: throw .invalid
        case .valid(at: let time?):
            guard let signature = note.signatures.last(where: witness.isOwn) else { throw .absent }
            self.signature = signature
            self.time = time
        }
    }
}
