// SPDX-License-Identifier: Apache-2.0

import Audit
import Foundation
import Glibc

/// The files in which checkpoints are kept: `SIZE.checkpoint`, as `tollgate audit verify --saved` reads them.
struct CheckpointFolder {
    let path: String
    /// Tells apart the unfinished files of two who write into one folder.
    let writer: Configuration.Destination.Kind

    func file(_ size: UInt64, _ suffix: String = "checkpoint") -> String { "\(path)/\(size).\(suffix)" }

    /// Puts a checkpoint there unless it is; cosignatures that came later are not added.
    ///
    /// - Returns: what the file holds.
    func keep(_ checkpoint: VerifiedCheckpoint) throws(DeliveryFailure) -> [UInt8] {
        let file = file(checkpoint.checkpoint.size)
        if let found = try read(file) {
            guard SignedNote(found)?.text == checkpoint.note.text else {
                throw DeliveryFailure(
                    "\(file): holds another checkpoint of as many records: history was rewritten, or it is another log's; "
                        + "keep the file, and find out which"
                )
            }
            return found
        }
        let bytes = checkpoint.note.bytes
        try write(bytes, to: file)
        return bytes
    }

    func exists(_ file: String) -> Bool { access(file, F_OK) == 0 }

    private func read(_ file: String) throws(DeliveryFailure) -> [UInt8]? {
        guard exists(file) else { return nil }
        guard let handle = FileHandle(forReadingAtPath: file),
            let bytes = try? handle.read(upToCount: SignedNote.maximumBytes + 1)
        else { throw DeliveryFailure("\(file): cannot be read: \(String(cString: strerror(errno)))") }
        return Array(bytes)
    }

    /// Gives a file these bytes: who looks sees all of them or no file, also after a crash.
    func write(_ bytes: [UInt8], to file: String) throws(DeliveryFailure) {
        let partial = "\(file).\(writer.rawValue).new"
        unlink(partial)
        let descriptor = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.failure(file) }
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        let isWritten = count == bytes.count && fsync(descriptor) == 0
        close(descriptor)
        guard isWritten, rename(partial, file) == 0 else { throw Self.failure(file) }
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw Self.failure(path) }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw Self.failure(path) }
    }

    private static func failure(_ file: String) -> DeliveryFailure {
        DeliveryFailure("\(file): cannot be written: \(String(cString: strerror(errno)))")
    }
}

/// `file:/FOLDER`: a file for each checkpoint. The folder must be there: one that is not may be a disk that is not mounted.
struct FileDestination: CheckpointDestination {
    let folder: CheckpointFolder

    mutating func deliver(_ checkpoint: VerifiedCheckpoint) throws(DeliveryFailure) {
        _ = try folder.keep(checkpoint)
    }
}
