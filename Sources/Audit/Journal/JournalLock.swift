// SPDX-License-Identifier: Apache-2.0

/// The right to write a journal: an advisory lock on its `lock` file (flock), given back when this is gone or the
/// process dies.
final class JournalLock {
    private let files: any FileSystem
    private let path: String
    private let file: Int32

    /// - Throws: ``AuditError`` `locked` when somebody else writes the journal, `io` otherwise.
    init(directory: String, files: any FileSystem) throws(AuditError) {
        path = "\(directory)/lock"
        self.files = files
        let isOurs: Bool
        do {
            file = try files.open(path, writable: true)
            isOurs = try files.lock(file)
        } catch {
            throw AuditError(error, file: path)
        }
        guard isOurs else {
            throw AuditError(
                .locked,
                file: path,
                "another process writes this journal; stop it, or give this one a directory of its own"
            )
        }
    }

    /// Whether the lock file is still the one that others would lock: a directory can be removed and put back.
    func isHeld() throws(AuditError) -> Bool {
        do {
            return try files.leads(path, to: file)
        } catch {
            throw AuditError(error, file: path)
        }
    }

    deinit {
        files.close(file)
    }
}
