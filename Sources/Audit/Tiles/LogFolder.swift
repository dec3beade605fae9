// SPDX-License-Identifier: Apache-2.0

/// The files of a transparency log: `checkpoint`, the tiles, the verifier key. Every one is replaced whole.
final class LogFolder {
    static let checkpoint = "checkpoint"

    let path: String
    let files: any FileSystem
    /// Directories that are known to be there.
    private var known: Set<Substring> = []

    init(_ path: String, files: any FileSystem) {
        self.path = path
        self.files = files
    }

    /// Where a file of the log is.
    func path(of name: String) -> String { "\(path)/\(name)" }

    /// A file's bytes; nil when there is no such file.
    func read(_ name: String) throws(AuditError) -> [UInt8]? {
        let path = path(of: name)
        let file: Int32
        do {
            file = try files.open(path, writable: false)
        } catch {
            // ENOENT, ENOTDIR
            guard error.code != 2, error.code != 20 else { return nil }
            throw AuditError(error, file: path)
        }
        defer { files.close(file) }
        do throws(FileFault) {
            var bytes = [UInt8](repeating: 0, count: Int(try files.size(file)))
            let count = try files.readAll(file, into: &bytes, at: 0)
            bytes.removeLast(bytes.count - count)
            return bytes
        } catch {
            throw AuditError(error, file: path)
        }
    }

    /// Gives a file these bytes: readers see the old ones or all of the new; the disk has them after ``sync()``.
    func write(_ name: String, _ bytes: [UInt8]) throws(AuditError) {
        try replace(name, bytes) { (_) throws(FileFault) in }
    }

    /// Gives a file these bytes and has them on the disk before anybody can see them.
    func writeDurably(_ name: String, _ bytes: [UInt8]) throws(AuditError) {
        try replace(name, bytes) { (file) throws(FileFault) in try files.sync(file) }
        do {
            try files.syncDirectory(path)
        } catch {
            throw AuditError(error, file: path)
        }
    }

    /// Returns when all that was written is on the disk, with its names.
    func sync() throws(AuditError) {
        do {
            try files.syncAll(path)
        } catch {
            throw AuditError(error, file: path)
        }
    }

    /// Takes a folder's files away, and the folder; without effect where there is none. What stays does no harm.
    func removeFolder(_ name: String) {
        let folder = path(of: name)
        guard let names = try? files.list(folder) else { return }
        for name in names where name != "." && name != ".." { try? files.remove("\(folder)/\(name)") }
        try? files.remove(folder)
    }

    /// Takes a file away; without effect where there is none.
    func remove(_ name: String) throws(AuditError) {
        do {
            try files.remove(path(of: name))
        } catch {
            guard error.code != 2 else { return }
            throw AuditError(error, file: path(of: name))
        }
    }

    /// Takes a folder away that is empty; any other stays.
    func removeEmptyFolder(_ name: String) { try? files.remove(path(of: name)) }

    private func replace(
        _ name: String,
        _ bytes: [UInt8],
        _ finish: (Int32) throws(FileFault) -> Void
    ) throws(AuditError) {
        let target = path(of: name)
        let partial = "\(target).new"
        do throws(FileFault) {
            try makeFolder(of: target)
            let file = try files.open(partial, writable: true)
            do throws(FileFault) {
                // One that a crash left may be longer.
                try files.truncate(file, to: 0)
                try files.writeAll(file, bytes, at: 0)
                try finish(file)
                files.close(file)
            } catch {
                files.close(file)
                throw error
            }
            try files.rename(partial, to: target)
        } catch {
            throw AuditError(error, file: target)
        }
    }

    private func makeFolder(of path: String) throws(FileFault) {
        guard let slash = path.lastIndex(of: "/"), !known.contains(path[..<slash]) else { return }
        try files.makeDirectory(String(path[..<slash]))
        // A tile's folder has a thousand of them; only the last ones are written to.
        if known.count >= 64 { known.removeAll(keepingCapacity: true) }
        known.insert(path[..<slash])
    }
}
