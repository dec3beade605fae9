// SPDX-License-Identifier: Apache-2.0

/// A journal that nobody writes as long as this is there.
public final class LockedJournal {
    private let lock: JournalLock
    /// Reads its records.
    public let reader: AuditReader

    /// - Parameter directory: The log's directory, as in ``AuditConfiguration``.
    /// - Throws: ``AuditError`` `locked` while a gateway runs, and as ``AuditReader/init(directory:)`` does.
    public init(directory: String) throws(AuditError) {
        let files = SystemFileSystem()
        // The reader first: where there is no journal, no lock is made.
        _ = try AuditReader(directory: directory)
        lock = try JournalLock(directory: "\(directory)/journal", files: files)
        reader = try AuditReader(directory: directory)
    }
}
