// SPDX-License-Identifier: Apache-2.0

/// What the journal asks of an operating system, one method a system call, so that tests can make any of them fail.
package protocol FileSystem: Sendable {
    /// Makes a directory, and those above it, for the owner alone; one that is there is left as it is.
    func makeDirectory(_ path: String) throws(FileFault)
    /// The names in a directory, in no order.
    func list(_ directory: String) throws(FileFault) -> [String]
    /// Opens a file for reading; with `writable` also for writing, and makes it when there is none.
    func open(_ path: String, writable: Bool) throws(FileFault) -> Int32
    func close(_ file: Int32)
    /// Takes the file for this descriptor alone; false when somebody else has it.
    func lock(_ file: Int32) throws(FileFault) -> Bool
    func size(_ file: Int32) throws(FileFault) -> Int64
    /// Whether the path still leads to that open file: not when it was removed, renamed or replaced.
    func leads(_ path: String, to file: Int32) throws(FileFault) -> Bool
    /// Reads at most as many bytes as there is room for; 0 at the end of the file.
    func read(_ file: Int32, into bytes: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileFault) -> Int
    /// Writes some of the pieces' bytes, one piece behind the other, and answers how many.
    func write(_ file: Int32, _ pieces: [UnsafeRawBufferPointer], at offset: Int64) throws(FileFault) -> Int
    func truncate(_ file: Int32, to size: Int64) throws(FileFault)
    /// Gives the file room, and a size, of so many bytes at least; new ones are zero.
    func allocate(_ file: Int32, to size: Int64) throws(FileFault)
    /// Returns when the file's bytes and size are on the disk.
    func sync(_ file: Int32) throws(FileFault)
    /// Gives a file another name, in place of a file that has it.
    func rename(_ path: String, to new: String) throws(FileFault)
    /// Takes a file's name away, or a directory that is empty.
    func remove(_ path: String) throws(FileFault)
    /// Returns when the directory's names are on the disk.
    func syncDirectory(_ path: String) throws(FileFault)
    /// Returns when all that was written to the file system which holds the directory is on the disk, with its names.
    func syncAll(_ directory: String) throws(FileFault)
    /// Drops the file's clean pages, so that the next read comes from the disk. Advice: it cannot fail.
    func dropCache(_ file: Int32)
}

/// A system call that failed.
package struct FileFault: Error, Hashable, Sendable {
    package let operation: StaticString
    /// The value of `errno`.
    package let code: Int32

    package init(_ operation: StaticString, _ code: Int32) {
        self.operation = operation
        self.code = code
    }

    package static func == (a: FileFault, b: FileFault) -> Bool {
        a.code == b.code && a.operation.description == b.operation.description
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(code)
    }
}

extension FileSystem {
    /// Writes all of the bytes.
    func writeAll(_ file: Int32, _ bytes: [UInt8], at offset: Int64) throws(FileFault) {
        let result = bytes.withUnsafeBytes { bytes -> Result<Void, FileFault> in
            var pieces = [bytes]
            do throws(FileFault) {
                return .success(try writeAll(file, &pieces, at: offset))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    /// Writes all of the pieces, one behind the other, and leaves none.
    func writeAll(_ file: Int32, _ pieces: inout [UnsafeRawBufferPointer], at offset: Int64) throws(FileFault) {
        var offset = offset
        while !pieces.isEmpty {
            var count = try write(file, pieces, at: offset)
            guard count > 0 else { throw FileFault("write", 0) }
            offset += Int64(count)
            var written = 0
            while written < pieces.count, count >= pieces[written].count {
                count -= pieces[written].count
                written += 1
            }
            pieces.removeFirst(written)
            if count > 0 { pieces[0] = UnsafeRawBufferPointer(rebasing: pieces[0][count...]) }
        }
    }

    /// Reads until the array is full or the file ends, and answers how many bytes that were.
    func readAll(_ file: Int32, into bytes: inout [UInt8], at offset: Int64) throws(FileFault) -> Int {
        var done = 0
        while done < bytes.count {
            let result = bytes.withUnsafeMutableBytes { bytes -> Result<Int, FileFault> in
                let room = UnsafeMutableRawBufferPointer(rebasing: bytes[done...])
                do throws(FileFault) {
                    return .success(try read(file, into: room, at: offset + Int64(done)))
                } catch {
                    return .failure(error)
                }
            }
            let count = try result.get()
            guard count > 0 else { break }
            done += count
        }
        return done
    }
}
