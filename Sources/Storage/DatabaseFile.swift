// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
    import Glibc
#endif

/// What a database file is before SQLite opens it.
///
/// SQLite would take any database for its own and turn a file it cannot read into an error that does not say whose it
/// is; the first 100 bytes say it (SQLite's file format, section 1.3).
struct DatabaseFile {
    let path: String

    /// Creates the file if there is none, and makes it readable and writable for its owner alone; SQLite gives the files
    /// it puts beside it the same mode. Says whether it is new, that is, without content.
    ///
    /// Throws ``StorageError/foreign(path:)``, and leaves the file as it was, when it is no database or one without
    /// this application id.
    func prepare(application: Int32) throws(StorageError) -> Bool {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw inaccessible() }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw inaccessible() }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .inaccessible(path: path, detail: "not a regular file")
        }
        if status.st_size > 0 {
            var header = [UInt8](repeating: 0, count: 100)
            guard pread(file, &header, header.count, 0) == header.count,
                header.starts(with: Array("SQLite format 3\0".utf8)),
                header[68..<72].reduce(0, { $0 << 8 | UInt32($1) }) == UInt32(bitPattern: application)
            else { throw .foreign(path: path) }
        }
        guard fchmod(file, 0o600) == 0 else { throw inaccessible() }
        return status.st_size == 0
    }

    /// Removes the database and what SQLite keeps beside it.
    func remove() throws(StorageError) {
        for suffix in ["", "-wal", "-shm"] {
            guard unlink(path + suffix) == 0 || errno == ENOENT else { throw inaccessible() }
        }
    }

    private func inaccessible() -> StorageError {
        .inaccessible(path: path, detail: String(cString: strerror(errno)))
    }
}
