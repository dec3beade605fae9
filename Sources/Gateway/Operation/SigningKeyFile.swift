// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Glibc
import Identity
import Synchronization

/// The file of the signing keys, in the state folder and for its owner alone.
///
/// While one process takes over from another both have the file: whoever writes it reads it before, under a lock, and
/// whoever sees that it changed takes the other's keys in, so that each verifies what the other signs.
final class SigningKeyFile: Sendable {
    private let path: String
    private let seen = Mutex<FileStamp?>(nil)

    /// Touches nothing on the disk.
    init(path: String) {
        self.path = path
    }

    /// The keys of the file; where there is none, new ones, which are in the file when this returns.
    ///
    /// - Throws: ``StateError``, `SigningKeyError.notMade`.
    func open(_ policy: RotationPolicy, now: UnixTime) throws -> SigningKeys {
        let ring = try locked {
            if let ring = try read() { return ring }
            let ring = try SigningKeyRing(policy: policy, now: now)
            try write(ring)
            return ring
        }
        return SigningKeys(ring: ring, policy: policy) { [self] change in
            try locked {
                guard var ring = try read() else { throw StateError(path: path, reason: "is gone; restore it") }
                try change(&ring)
                try write(ring)
            }
        }
    }

    /// What another process has written since this one last read or wrote; nil when that is nothing.
    ///
    /// - Throws: ``StateError``; said once for each change.
    func changed() throws -> SigningKeyRing? {
        guard let stamp = FileStamp(path), seen.withLock({ $0 != stamp }) else { return nil }
        seen.withLock { $0 = stamp }
        return try read()
    }

    private func read() throws -> SigningKeyRing? {
        let stamp = FileStamp(path)
        var status = stat()
        guard stat(path, &status) != 0 || status.st_mode & 0o077 == 0 && status.st_uid == geteuid() else {
            throw StateError(path: path, reason: "may be read or changed by others than its owner; chmod 600 it")
        }
        guard let bytes = FileManager.default.contents(atPath: path) else {
            guard stamp == nil else { throw StateError(path: path, reason: "cannot be read") }
            return nil
        }
        seen.withLock { $0 = stamp }
        do throws(SigningKeyError) {
            return try SigningKeyRing(stored: Array(bytes))
        } catch {
            throw StateError(path: path, reason: "cannot be used: \(error)")
        }
    }

    private func write(_ ring: SigningKeyRing) throws {
        try StateDirectory.write(ring.stored, to: path)
        seen.withLock { $0 = FileStamp(path) }
    }

    /// Held by one process at a time; a file of its own, since the other one is replaced whole.
    private func locked<Value>(_ body: () throws -> Value) throws -> Value {
        let descriptor = Glibc.open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StateError(path: path, reason: "cannot be locked: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else {
                throw StateError(path: path, reason: "cannot be locked: \(String(cString: strerror(errno)))")
            }
        }
        return try body()
    }
}
