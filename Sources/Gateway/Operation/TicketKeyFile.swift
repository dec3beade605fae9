// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Glibc
import Synchronization
import TLS
import Telemetry

/// The keys of the session tickets, in a file of the state folder so that tickets outlive the process.
///
/// While one process takes over from another, both have the file: whoever sees that it changed takes the other's keys
/// in, and whoever writes it reads it before, under a lock.
final class TicketKeyFile: Sendable {
    let keys: TLSTicketKeys
    private let path: String
    private let seen: Mutex<Stamp?>

    /// Tells one content of the file from the next: each comes as a file of its own.
    private struct Stamp: Equatable {
        let inode: UInt
        let seconds: Int
        let nanoseconds: Int

        init(_ status: stat) {
            inode = UInt(status.st_ino)
            seconds = status.st_mtim.tv_sec
            nanoseconds = status.st_mtim.tv_nsec
        }
    }

    /// Why there are no keys to be had from the file, or none to be left there.
    private struct Failure: Error {
        let reason: String

        init(_ reason: String) {
            self.reason = reason
        }

        static var system: Failure { Failure(String(cString: strerror(errno))) }
    }

    /// Reads the file, or makes new keys for it. Never fails: without the file tickets just end with the process.
    init(path: String, log: StructuredLog) {
        self.path = path
        do {
            guard let (read, stamp) = try Self.read(path, { try TLSTicketKeys(serialised: $0) }) else {
                throw Failure("")
            }
            keys = read
            seen = Mutex(stamp)
        } catch {
            keys = TLSTicketKeys()
            seen = Mutex(nil)
            let reason = Self.reason(error)
            if !reason.isEmpty {
                log.warning(
                    "the ticket keys cannot be used; new ones are made",
                    ["path": .string(path), "reason": .string(reason)]
                )
            }
            do { try store() } catch { report(error, log) }
        }
    }

    /// Takes in what another process wrote, and renews the keys when it is time.
    func rotate(now: UnixTime, log: StructuredLog) {
        var status = stat()
        let isChanged = stat(path, &status) == 0 && seen.withLock { $0 != Stamp(status) }
        guard isChanged || keys.isDue(now: now.seconds) else { return }
        // Once for each change, also when the lock cannot be had.
        if isChanged { seen.withLock { $0 = Stamp(status) } }
        do {
            try locked { () throws(Failure) in
                mergeFile()
                if keys.rotate(now: now.seconds) { try write() }
            }
        } catch {
            // Rotated all the same: the keys are due again in hours, so this is not said four times a second.
            _ = keys.rotate(now: now.seconds)
            report(error, log)
        }
    }

    // MARK: - The file

    private func store() throws(Failure) {
        try locked { () throws(Failure) in
            mergeFile()
            try write()
        }
    }

    /// Takes in what is in the file; what cannot be used is written over, and `init` has said what was wrong with it.
    private func mergeFile() {
        guard let (_, stamp) = try? Self.read(path, { try keys.merge(serialised: $0) }) else { return }
        seen.withLock { $0 = stamp }
    }

    /// Alone among the processes that have the folder.
    private func locked(_ body: () throws(Failure) -> Void) throws(Failure) {
        let lock = open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw .system }
        defer { close(lock) }
        while flock(lock, LOCK_EX) != 0 {
            guard errno == EINTR else { throw .system }
        }
        try body()
    }

    /// Lends the file's bytes and overwrites them; nil when there is no such file.
    private static func read<Result>(
        _ path: String,
        _ body: ([UInt8]) throws -> Result
    ) throws -> (result: Result, stamp: Stamp)? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else {
            guard errno == ENOENT else { throw Failure.system }
            return nil
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw Failure.system }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Failure("it is not a regular file") }
        guard status.st_mode & 0o077 == 0, status.st_uid == geteuid() else {
            throw Failure("others than its owner may read or change it; only the owner may (mode 0600)")
        }
        guard status.st_size <= 1 << 16 else { throw Failure("it is \(status.st_size) bytes long, too long for keys") }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        defer { wipe(&bytes) }
        guard bytes.withUnsafeMutableBytes({ Glibc.read(file, $0.baseAddress, $0.count) }) == bytes.count else {
            throw Failure("it cannot be read whole")
        }
        return (try body(bytes), Stamp(status))
    }

    /// Whole or not at all, also after a crash; private from its first moment.
    private func write() throws(Failure) {
        let partial = path + ".partial"
        unlink(partial)
        let file = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .system }
        defer { close(file) }
        var bytes = keys.serialised()
        defer { Self.wipe(&bytes) }
        let isWritten =
            bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) } == bytes.count && fsync(file) == 0
        var status = stat()
        guard isWritten, fstat(file, &status) == 0, rename(partial, path) == 0 else {
            let failure = Failure.system
            unlink(partial)
            throw failure
        }
        seen.withLock { $0 = Stamp(status) }
    }

    private static func wipe(_ bytes: inout [UInt8]) {
        bytes.withUnsafeMutableBytes { bytes in
            if let base = bytes.baseAddress { explicit_bzero(base, bytes.count) }
        }
    }

    // MARK: - What went wrong

    private static func reason(_ error: any Error) -> String {
        (error as? Failure)?.reason ?? "\(error)"
    }

    private func report(_ error: any Error, _ log: StructuredLog) {
        log.error(
            "the ticket keys cannot be saved; sessions will not outlive this process",
            ["path": .string(path), "reason": .string(Self.reason(error))]
        )
    }
}
