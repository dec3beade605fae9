// SPDX-License-Identifier: Apache-2.0

import CSync
import Glibc

/// The files of the machine.
package struct SystemFileSystem: FileSystem {
    package init() {}

    package func makeDirectory(_ path: String) throws(FileFault) {
        var parent = ""
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            parent += parent.isEmpty && part.isEmpty ? "/" : (parent.isEmpty || parent == "/" ? "\(part)" : "/\(part)")
            if parent == "/" || part.isEmpty { continue }
            guard mkdir(parent, 0o700) == 0 || errno == EEXIST else { throw FileFault("mkdir", errno) }
        }
    }

    package func list(_ directory: String) throws(FileFault) -> [String] {
        guard let stream = opendir(directory) else { throw FileFault("opendir", errno) }
        defer { closedir(stream) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(stream) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
            )
            errno = 0
        }
        guard errno == 0 else { throw FileFault("readdir", errno) }
        return names
    }

    package func open(_ path: String, writable: Bool) throws(FileFault) -> Int32 {
        let flags = (writable ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC
        return Int32(try retry("open") { Int(Glibc.open(path, flags, 0o600)) })
    }

    package func close(_ file: Int32) {
        _ = Glibc.close(file)
    }

    package func lock(_ file: Int32) throws(FileFault) -> Bool {
        do {
            _ = try retry("flock") { Int(flock(file, LOCK_EX | LOCK_NB)) }
            return true
        } catch {
            guard error.code == EWOULDBLOCK else { throw error }
            return false
        }
    }

    package func size(_ file: Int32) throws(FileFault) -> Int64 {
        var status = stat()
        _ = try retry("fstat") { Int(fstat(file, &status)) }
        return Int64(status.st_size)
    }

    package func leads(_ path: String, to file: Int32) throws(FileFault) -> Bool {
        var (named, opened) = (stat(), stat())
        _ = try retry("fstat") { Int(fstat(file, &opened)) }
        do {
            // Not handed over as it is: that would copy it, after every group.
            _ = try retry("stat") { path.withCString { Int(stat($0, &named)) } }
        } catch {
            guard error.code == ENOENT || error.code == ENOTDIR else { throw error }
            return false
        }
        return named.st_ino == opened.st_ino && named.st_dev == opened.st_dev
    }

    package func read(
        _ file: Int32,
        into bytes: UnsafeMutableRawBufferPointer,
        at offset: Int64
    ) throws(FileFault) -> Int {
        try retry("read") { pread(file, bytes.baseAddress, bytes.count, off_t(offset)) }
    }

    package func write(_ file: Int32, _ pieces: [UnsafeRawBufferPointer], at offset: Int64) throws(FileFault) -> Int {
        // As many as one call takes (IOV_MAX).
        let count = min(pieces.count, 1024)
        let result = withUnsafeTemporaryAllocation(of: iovec.self, capacity: count) { vector in
            for place in 0..<count {
                let base = UnsafeMutableRawPointer(mutating: pieces[place].baseAddress)
                vector.initializeElement(at: place, to: iovec(iov_base: base, iov_len: pieces[place].count))
            }
            return Result { () throws(FileFault) in
                try retry("write") { pwritev(file, vector.baseAddress, Int32(count), off_t(offset)) }
            }
        }
        return try result.get()
    }

    package func truncate(_ file: Int32, to size: Int64) throws(FileFault) {
        _ = try retry("ftruncate") { Int(ftruncate(file, off_t(size))) }
    }

    package func allocate(_ file: Int32, to size: Int64) throws(FileFault) {
        // Answers the error number itself.
        let code = posix_fallocate(file, 0, off_t(size))
        guard code == 0 else { throw FileFault("fallocate", code) }
    }

    package func sync(_ file: Int32) throws(FileFault) {
        _ = try retry("fdatasync") { Int(fdatasync(file)) }
    }

    package func rename(_ path: String, to new: String) throws(FileFault) {
        _ = try retry("rename") { Int(Glibc.rename(path, new)) }
    }

    package func syncDirectory(_ path: String) throws(FileFault) {
        let directory = Int32(
            try retry("open") { Int(Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) }
        )
        defer { close(directory) }
        _ = try retry("fsync") { Int(fsync(directory)) }
    }

    package func remove(_ path: String) throws(FileFault) {
        _ = try retry("remove") { Int(Glibc.remove(path)) }
    }

    package func syncAll(_ directory: String) throws(FileFault) {
        let directory = Int32(
            try retry("open") { Int(Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) }
        )
        defer { close(directory) }
        _ = try retry("syncfs") { Int(syncfs(directory)) }
    }

    package func dropCache(_ file: Int32) {
        posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED)
    }

    private func retry(_ operation: StaticString, _ call: () -> Int) throws(FileFault) -> Int {
        while true {
            let result = call()
            if result >= 0 { return result }
            guard errno == EINTR else { throw FileFault(operation, errno) }
        }
    }
}

extension FileFault: CustomStringConvertible {
    package var description: String {
        code == 0 ? "\(operation) took no bytes" : "\(operation) failed: \(String(cString: strerror(code)))"
    }
}
