// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// That a log's first records were pruned: a note beside the checkpoint, signed by the log's key, without which a missing
/// bundle is damage.
///
/// Its text has five lines: `tollgate pruned v1` (no log's name has spaces, so it is no checkpoint), the log's name, the
/// first record that was pruned with this note, the first that is held, the root of the tree of all records before that
/// one, and the index of the audit record that says so.
public struct PruningNote: Hashable, Sendable {
    /// The file's name in the log's folder.
    public static let file = "pruned"
    private static let header = "tollgate pruned v1"

    /// The log's name.
    public var origin: String
    /// The first record of those that went with this note: where an earlier note ended.
    public var from: UInt64
    /// The first record that is held.
    public var end: UInt64
    /// The hash of the tree of the records before ``end``.
    public var root: TreeHash
    /// Where the log says that they were to be pruned; at or behind ``end``.
    public var record: UInt64

    init(origin: String, from: UInt64, end: UInt64, root: TreeHash, record: UInt64) {
        self.origin = origin
        self.from = from
        self.end = end
        self.root = root
        self.record = record
    }

    /// Reads the text of a note; nil when it is none, or says what cannot be.
    init?(text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count == 7, lines[6].isEmpty, lines[0] == Self.header,
            let from = Self.number(lines[2]), let end = Self.number(lines[3]),
            let root = TreeHash(base64: lines[4].utf8),
            let record = Self.number(lines[5]), from < end, end <= record, end % UInt64(TilePath.fullWidth) == 0
        else { return nil }
        self.init(origin: lines[1], from: from, end: end, root: root, record: record)
    }

    private static func number(_ text: String) -> UInt64? { UInt64(text).flatMap { String($0) == text ? $0 : nil } }

    /// The text that is signed.
    var text: String {
        [Self.header, origin, String(from), String(end), root.description, String(record)].map { $0 + "\n" }.joined()
    }

    /// Why bytes are no note of a log.
    enum Fault: String, Error, CustomStringConvertible {
        case malformed = "is no signed note of what was pruned"
        case unsigned = "is not signed by the log's key"
        case origin = "is of another log than the key"

        var description: String { rawValue }
    }

    /// Verifies a note.
    init(_ bytes: [UInt8], verifier: NoteVerifier) throws(Fault) {
        guard let note = SignedNote(bytes), let read = PruningNote(text: note.text) else { throw .malformed }
        guard case .valid = verifier.verify(note) else { throw .unsigned }
        guard read.origin.utf8.elementsEqual(verifier.name.utf8) else { throw .origin }
        self = read
    }

    /// Reads the note of a log; nil when nothing was pruned.
    ///
    /// - Throws: ``AuditError`` `corrupt` when there is a file and its key did not sign it.
    static func read(_ folder: LogFolder, verifier: NoteVerifier) throws(AuditError) -> PruningNote? {
        guard let bytes = try folder.read(file) else { return nil }
        do {
            return try PruningNote(bytes, verifier: verifier)
        } catch {
            throw AuditError(
                .corrupt,
                file: folder.path(of: file),
                "the note of what was pruned \(error) (\(verifier.name)); nothing was changed; restore it from a copy"
            )
        }
    }

    /// The first record that a log in that folder holds, by its note.
    ///
    /// - Throws: ``AuditError`` `corrupt` when there is a note and its key did not sign it; `io`.
    public static func firstHeld(directory: String, verifier: NoteVerifier) throws(AuditError) -> UInt64 {
        try read(LogFolder(directory, files: SystemFileSystem()), verifier: verifier)?.end ?? 0
    }

    /// Whether that record says what this note says.
    func isSaid(by record: UnsafeRawBufferPointer) -> Bool {
        guard let json = try? JSON.parse(record, depth: 40) else { return false }
        return json["action"]?.string == LogPruner.action
            && json["change"]?["after"]?["first_kept"]?.integer == Int64(exactly: end)
    }
}
