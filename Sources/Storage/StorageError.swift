// SPDX-License-Identifier: Apache-2.0

import GRDB

/// Why the store did not do as asked. No case holds a secret or the values of a statement.
public enum StorageError: Error, Hashable, Sendable {
    // MARK: - The request

    /// There is one of that name already: `tenant acme`.
    case exists(String)
    /// There is none of that name: `plan gold`.
    case notFound(String)
    /// It cannot go while others need it: `plan gold`.
    case inUse(String)
    /// It has changed since it was read: `what` is at revision `current` now.
    case revisionConflict(what: String, current: Int64)
    /// Records of the log were left out: the index goes on at `expected`, the batch begins at `found`.
    case gap(expected: UInt64, found: UInt64)

    // MARK: - The file

    /// The file belongs to a later release: it has been through migrations that this one does not know.
    case newerSchema(path: String)
    /// The file is a database of another program, or no database.
    case foreign(path: String)
    /// The file is ours and does not read back as it was written.
    case damaged(path: String, detail: String)
    /// The file or its folder cannot be opened or written.
    case inaccessible(path: String, detail: String)
    /// The file was closed here, as at the end of a drain.
    case closed(path: String)
    /// There is no room left for the file.
    case full(path: String)
    /// Another process has held the file for too long.
    case busy(path: String)
    /// SQLite refused for another reason: its result code and message.
    case failed(path: String, detail: String)
}

extension StorageError: CustomStringConvertible {
    /// What was wrong, where, and what to do.
    public var description: String {
        switch self {
        case .exists(let what):
            "\(what) exists already"
        case .notFound(let what):
            "there is no \(what)"
        case .inUse(let what):
            "\(what) is in use, and stays while it is"
        case .revisionConflict(let what, let current):
            "\(what) was changed meanwhile and is at revision \(current): read it again, then repeat the change"
        case .gap(let expected, let found):
            "the audit index goes on at record \(expected), but was given record \(found)"
        case .newerSchema(let path):
            "\(path) was written by a later release of the gateway: run that release, or restore a backup of the file"
        case .foreign(let path):
            "\(path) is not a database of the gateway: name another file, or move this one away"
        case .damaged(let path, let detail):
            "\(path) is damaged (\(detail)): restore it from a backup"
        case .inaccessible(let path, let detail):
            "\(path) cannot be opened for writing (\(detail)): create its folder and give the gateway's user "
                + "permission to write the folder and the file"
        case .closed(let path):
            "\(path) is closed already: the gateway is about to end"
        case .full(let path):
            "no space is left for \(path): free some on its file system"
        case .busy(let path):
            "\(path) is held by another process: stop the other gateway, or wait until its backup has ended"
        case .failed(let path, let detail):
            "\(path): SQLite says \(detail)"
        }
    }
}

extension StorageError {
    /// An error of the store's own code as it is, one of SQLite's by its result code.
    init(_ error: any Error, path: String) {
        if let error = error as? StorageError {
            self = error
            return
        }
        if let column = error as? InvalidColumn {
            self = .damaged(path: path, detail: "column \(column.name) holds no valid value")
            return
        }
        guard let error = error as? DatabaseError else {
            self = .failed(path: path, detail: String(describing: type(of: error)))
            return
        }
        let detail = "\(error.message ?? "no message"), result code \(error.extendedResultCode.rawValue)"
        switch error.resultCode {
        case .SQLITE_NOTADB: self = .foreign(path: path)
        case .SQLITE_CORRUPT: self = .damaged(path: path, detail: detail)
        case .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            self = .inaccessible(path: path, detail: detail)
        case .SQLITE_FULL: self = .full(path: path)
        case .SQLITE_BUSY, .SQLITE_LOCKED: self = .busy(path: path)
        default: self = .failed(path: path, detail: detail)
        }
    }
}
