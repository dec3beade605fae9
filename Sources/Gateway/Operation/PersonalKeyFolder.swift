// SPDX-License-Identifier: Apache-2.0

import Audit
import Foundation
import GatewayCore
import GatewayCrypto
import Glibc
import Identity

/// Whose personal fields a key is for.
enum PersonalKeyOwner: Hashable, Sendable {
    case tenant(TenantID)
    /// Of callers that are not proved.
    case gateway

    /// In the keys' names; no tenant's name has an underscore.
    var name: String {
        switch self {
        case .tenant(let id): id.description
        case .gateway: "_gateway"
        }
    }

    init?(name: String) {
        if name == "_gateway" {
            self = .gateway
        } else if let id = TenantID(name) {
            self = .tenant(id)
        } else {
            return nil
        }
    }
}

/// The files of the personal keys: `OWNER/ID`, each 32 random bytes and the time at which it was made, for the owner of
/// the process alone. A key is made of the file and the pepper together, so that neither alone gives it.
struct PersonalKeyFolder {
    let path: String
    let pepper: Pepper

    private static let seedBytes = 32

    /// All keys, each owner's oldest first.
    ///
    /// - Throws: ``StateError`` when one cannot be read. What is left of one that was destroyed is removed.
    func load() throws(StateError) -> [PersonalKeyOwner: [PersonalKey]] {
        var keys: [PersonalKeyOwner: [PersonalKey]] = [:]
        for name in names(in: path) {
            guard let owner = PersonalKeyOwner(name: name) else { continue }
            for id in names(in: "\(path)/\(name)") where !id.hasSuffix(".partial") {
                let file = "\(path)/\(name)/\(id)"
                guard let bytes = FileManager.default.contents(atPath: file), bytes.count == Self.seedBytes + 8 else {
                    throw StateError(path: file, reason: "is no key of personal fields; restore it, or remove it")
                }
                guard bytes.prefix(Self.seedBytes).contains(where: { $0 != 0 }) else {
                    unlink(file)
                    continue
                }
                keys[owner, default: []].append(key(id, owner, Array(bytes)))
            }
            keys[owner]?.sort { $0.createdAt < $1.createdAt }
        }
        return keys
    }

    /// A new key, on the disk when this returns.
    func make(_ owner: PersonalKeyOwner, now: UnixTime) throws(StateError) -> PersonalKey {
        let folder = "\(path)/\(owner.name)"
        do {
            try FileManager.default.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw StateError(path: folder, reason: "cannot be made: \(error.localizedDescription)")
        }
        let id = Hexadecimal.text(SecureRandom.bytes(4))
        let time = withUnsafeBytes(of: now.nanoseconds.bigEndian) { Array($0) }
        let bytes = SecureRandom.bytes(Self.seedBytes) + time
        try StateDirectory.write(bytes, to: "\(folder)/\(id)")
        // The owner's folder may be new, and so may that of all.
        for folder in [folder, path, "\(path)/.."] { try Self.sync(folder) }
        return key(id, owner, bytes)
    }

    /// Writes zeros over a key's file and removes it; both are on the disk when this returns.
    func destroy(_ key: PersonalKey, of owner: PersonalKeyOwner) throws(StateError) {
        let folder = "\(path)/\(owner.name)"
        let file = "\(folder)/\(key.id.dropFirst(owner.name.count + 1))"
        let descriptor = open(file, O_WRONLY | O_CLOEXEC)
        if descriptor >= 0 {
            let zeros = [UInt8](repeating: 0, count: Self.seedBytes + 8)
            let isWritten = pwrite(descriptor, zeros, zeros.count, 0) == zeros.count && fsync(descriptor) == 0
            close(descriptor)
            guard isWritten else {
                throw StateError(path: file, reason: "cannot be overwritten: \(String(cString: strerror(errno)))")
            }
        } else if errno != ENOENT {
            throw StateError(path: file, reason: "cannot be opened: \(String(cString: strerror(errno)))")
        }
        guard unlink(file) == 0 || errno == ENOENT else {
            throw StateError(path: file, reason: "cannot be removed: \(String(cString: strerror(errno)))")
        }
        try Self.sync(folder)
    }

    private func key(_ id: String, _ owner: PersonalKeyOwner, _ bytes: [UInt8]) -> PersonalKey {
        let time = bytes[Self.seedBytes...].reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        let label = Array("tollgate audit personal key\n\(owner.name)\n\(id)\n".utf8)
        return PersonalKey(
            id: "\(owner.name).\(id)",
            createdAt: UnixTime(nanoseconds: Int64(bitPattern: time)),
            hmac: HMACSHA256(key: pepper.hash(secret: label + bytes[..<Self.seedBytes]))
        )
    }

    private func names(in folder: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    }

    private static func sync(_ folder: String) throws(StateError) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { if descriptor >= 0 { close(descriptor) } }
        guard descriptor >= 0, fsync(descriptor) == 0 else {
            throw StateError(path: folder, reason: "cannot be synced: \(String(cString: strerror(errno)))")
        }
    }
}
