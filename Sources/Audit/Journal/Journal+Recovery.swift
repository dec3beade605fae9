// SPDX-License-Identifier: Apache-2.0

import Glibc

extension Journal {
    /// After a failure so many bytes must be written before the journal counts as writable: what a large group has.
    private static let proofBytes: Int64 = 1 << 20

    /// Opens the last segment anew, verifies every sealed record in it and cuts off the rest.
    ///
    /// The old descriptor is given up: after a failed fsync Linux calls the lost pages clean, and the next fsync on it
    /// would succeed without them. But not before the file is known to be there and whole: when it was removed, the
    /// descriptor is all that is left of it.
    ///
    /// The journal counts as writable when as much as a large group has could be written and synced: a disk that is full
    /// must not be called well between two groups.
    func reopen() throws(AuditError) {
        endLostSync()
        pending = Pending()
        preparedEnd = end
        if file >= 0, try !isThere() { throw removed(path) }
        if isDurable { try Self.dropCache(directory, first: first, files) }
        try verify()
        closeFile()
        if try !lock.isHeld() { lock = try JournalLock(directory: directory, files: files) }
        _ = try adopt(hasHeader: true)
        if mustRotate { try rotate() }
        try prove()
    }

    /// Whether there is a file of the last segment's name.
    private func isThere() throws(AuditError) -> Bool {
        do {
            files.close(try files.open(path, writable: false))
            return true
        } catch {
            guard error.code == ENOENT || error.code == ENOTDIR else { throw AuditError(error, file: path) }
            return false
        }
    }

    /// Writes zeros where the next group will be, and syncs them.
    private func prove() throws(AuditError) {
        let zeros = [UInt8](repeating: 0, count: Int(min(Self.proofBytes, segmentBytes)))
        preparedEnd = max(preparedEnd, end + Int64(zeros.count))
        try attempt { (files) throws(FileFault) in
            try files.writeAll(file, zeros, at: end)
            try files.sync(file)
        }
    }

    /// Opens the last segment for writing, cuts it to its sealed records and brings it to the disk. Answers how many
    /// bytes were cut.
    func adopt(hasHeader: Bool) throws(AuditError) -> Int64 {
        var cut: Int64 = 0
        try attempt { (files) throws(FileFault) in
            file = try files.open(path, writable: true)
            let size = try files.size(file)
            if !hasHeader {
                try files.truncate(file, to: 0)
                try files.writeAll(file, SegmentFile.header, at: 0)
            } else if size > end {
                cut = try unfinished(end..<size)
                try files.truncate(file, to: end)
            }
            if syncedEnd < end { try rewrite(syncedEnd..<end) }
            try files.sync(file)
            try files.syncDirectory(directory)
        }
        preparedEnd = end
        if isDurable, let size = SegmentFile.allocate(file, to: segmentBytes, files) { preparedEnd = size }
        noteSynced()
        return cut
    }

    /// How many bytes of a range are there before nothing but zeros.
    private func unfinished(_ range: Range<Int64>) throws(FileFault) -> Int64 {
        var bytes = [UInt8](repeating: 0, count: 1 << 18)
        var offset = range.lowerBound
        var last = offset
        while offset < range.upperBound {
            let count = try files.readAll(file, into: &bytes, at: offset)
            let zeros = bytes.withUnsafeBytes { Zeros.suffix(of: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            if zeros < count { last = offset + Int64(count - zeros) }
            guard count > 0 else { break }
            offset += Int64(count)
        }
        return last - range.lowerBound
    }

    /// Writes bytes of the segment over themselves: pages that a failed sync called clean are dirty again.
    private func rewrite(_ range: Range<Int64>) throws(FileFault) {
        var bytes = [UInt8](repeating: 0, count: 1 << 18)
        var offset = range.lowerBound
        while offset < range.upperBound {
            let room = Int(min(Int64(bytes.count), range.upperBound - offset))
            if room < bytes.count { bytes.removeLast(bytes.count - room) }
            let count = try files.readAll(file, into: &bytes, at: offset)
            guard count == room else { throw FileFault("read", 0) }
            try files.writeAll(file, bytes, at: offset)
            offset += Int64(count)
        }
    }

    /// Has the next reads of a segment come from the disk: what a failed sync lost must not be taken for written, be it
    /// this process's or that of one before.
    static func dropCache(_ directory: String, first: UInt64, _ files: any FileSystem) throws(AuditError) {
        let path = SegmentFile.path(directory, first: first)
        do throws(FileFault) {
            let file = try files.open(path, writable: false)
            files.dropCache(file)
            files.close(file)
        } catch {
            throw AuditError(error, file: path)
        }
    }

    private func verify() throws(AuditError) {
        var cursor = try SegmentCursor(directory: directory, first: first, files: files, at: SegmentFile.headerSize)
        guard try cursor.hasHeader() else {
            throw AuditError(.corrupt, file: cursor.path, offset: 0, "the segment has lost its header")
        }
        for index in first..<next {
            let offset = cursor.offset
            switch try cursor.step(expecting: index) {
            case .frame: continue
            case .end: throw AuditError(.corrupt, file: cursor.path, offset: offset, "record \(index) is lost")
            case .damaged(let reason):
                throw AuditError(.corrupt, file: cursor.path, offset: offset, "record \(index): \(reason)")
            }
        }
    }
}
