// SPDX-License-Identifier: Apache-2.0

import Foundation
public import GatewayCore
import GatewayCrypto
import Glibc
import Identity
import Limits
import Storage

/// What a gateway keeps between two runs, in one folder for its owner alone.
///
/// | path | what it is |
/// |---|---|
/// | `tollgate.sqlite` | tenants, plans, keys, revocations, snapshots of the limits |
/// | `pepper` | 32 bytes under which the keys' secrets are hashed; kept outside the database |
/// | `signing-keys` | the private keys of the access tokens: the next, the current, and those before it |
/// | `ticket-keys` | the keys of the TLS session tickets, the current one and those before it |
/// | `issuers/` | the last good key sets of outside issuers, a file each |
/// | `audit/journal/` | the audit log as it is written |
/// | `audit/log/` | the same as a C2SP tlog-tiles log: `checkpoint`, `tile/…`, `<name>.vkey` |
/// | `audit/checkpoints/` | checkpoints with the time-stamps of an authority |
/// | `audit-signing.pem` | the private key of its checkpoints |
/// | `audit-keys/OWNER/ID` | the keys under which personal fields of audit records are written, a file each |
/// | `audit-index.sqlite` | its search index, which can be rebuilt from it |
public struct StateDirectory: Sendable {
    /// The folder, absolute or relative to the one in which the program was started.
    public let path: String

    /// Touches nothing on the disk: the folder need not exist yet.
    public init(path: String) {
        self.path = path
    }

    var database: String { "\(path)/tollgate.sqlite" }
    /// Holds the journal and the transparency log.
    public var auditDirectory: String { "\(path)/audit" }
    /// The transparency log.
    public var auditLog: String { "\(auditDirectory)/log" }
    /// Checkpoints and their time-stamps.
    var timestamps: String { "\(auditDirectory)/checkpoints" }
    /// The audit log's search index.
    public var auditIndex: String { "\(path)/audit-index.sqlite" }
    /// Keys of audit records' personal fields.
    var personalKeys: String { "\(path)/audit-keys" }
    /// Keys of the TLS session tickets.
    var ticketKeys: String { "\(path)/ticket-keys" }
    /// Key sets of outside issuers.
    var issuers: String { "\(path)/issuers" }
    private var pepperFile: String { "\(path)/pepper" }
    private var auditKeyFile: String { "\(path)/audit-signing.pem" }
    /// The private keys of the access tokens.
    var signingKeys: String { "\(path)/signing-keys" }

    /// Whether ``initialise(now:)`` was here.
    public var isInitialised: Bool { FileManager.default.fileExists(atPath: pepperFile) }

    /// Makes the folder, the secrets, the database with the plans `standard` and `unlimited`, and the first admin key.
    ///
    /// - Returns: the key's text, which is kept nowhere.
    /// - Throws: ``StateError`` when the folder has a state already or cannot be written.
    public func initialise(now: UnixTime) throws -> String {
        guard !isInitialised else {
            throw StateError(path: path, reason: "holds a gateway's state already; nothing was changed")
        }
        do {
            try FileManager.default.createDirectory(
                atPath: path,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw StateError(path: path, reason: "cannot be made: \(error.localizedDescription)")
        }
        let store = try Store(path: database)
        for plan in Self.firstPlans where try store.plan(plan.name) == nil { _ = try store.upsert(plan) }
        // The pepper comes last but for the key: a folder without it was not finished and may be begun again.
        let pepper = SecureRandom.bytes(32)
        try Self.write(pepper, to: pepperFile)
        let (key, text) = APIKey.issue(
            tenant: .system,
            role: .admin,
            name: "first admin",
            scopes: Role.admin.scopes,
            models: .all,
            pepper: Pepper(bytes: pepper),
            by: "init",
            expiresAt: nil,
            now: now
        )
        try store.insert(key)
        try store.close()
        return text
    }

    private static let standardPlan = name("standard")
    /// Without limits; also that of the operators' own tenant.
    static let operatorsPlan = name("unlimited")

    private static let firstPlans = [
        Plan(
            name: standardPlan,
            rate: Plan.Rate(requests: 100, seconds: 1, burst: 200),
            dailyQuota: 1_000_000,
            concurrency: 64,
            models: .all
        ),
        Plan(name: operatorsPlan, rate: nil, dailyQuota: nil, concurrency: nil, models: .all),
    ]

    private static func name(_ text: String) -> PlanName {
        guard let name = PlanName(text) else { preconditionFailure("'\(text)' is no plan name") }
        return name
    }

    func pepper() throws(StateError) -> Pepper {
        guard let bytes = FileManager.default.contents(atPath: pepperFile) else {
            throw StateError(
                path: path,
                reason: "holds no gateway's state; make one with 'tollgate init --state \(path)'"
            )
        }
        guard bytes.count == 32 else {
            throw StateError(path: pepperFile, reason: "is damaged: it must have 32 bytes, and has \(bytes.count)")
        }
        return Pepper(bytes: Array(bytes))
    }

    /// The key that signs the audit log's checkpoints; made with the log.
    func auditKey() throws -> SigningKey {
        let manager = FileManager.default
        guard let pem = manager.contents(atPath: auditKeyFile) else {
            guard !manager.fileExists(atPath: auditKeyFile), !manager.fileExists(atPath: "\(auditLog)/checkpoint")
            else {
                throw StateError(
                    path: auditKeyFile,
                    reason: "cannot be read, and \(auditLog)/checkpoint was signed with it; restore it from a copy"
                )
            }
            let key = try SigningKey.generate(.ed25519)
            try Self.write(Array(key.privatePEM.utf8), to: auditKeyFile)
            return key
        }
        do {
            return try SigningKey(privatePEM: String(decoding: pem, as: UTF8.self), algorithm: .ed25519)
        } catch {
            throw StateError(path: auditKeyFile, reason: "is not a private key for Ed25519: \(error)")
        }
    }

    /// Writes a file that is private from its first moment, and whole or not there after a crash.
    static func write(_ bytes: [UInt8], to file: String) throws(StateError) {
        let partial = file + ".partial"
        unlink(partial)
        let descriptor = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StateError(path: file, reason: "cannot be written: \(reason)") }
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        let isWritten = count == bytes.count && fsync(descriptor) == 0
        close(descriptor)
        guard isWritten, rename(partial, file) == 0 else {
            throw StateError(path: file, reason: "cannot be written: \(reason)")
        }
    }

    private static var reason: String { String(cString: strerror(errno)) }
}

/// What is wrong with a state folder.
public struct StateError: Error, CustomStringConvertible, Sendable {
    /// The folder, or the file in it, at fault.
    public let path: String
    /// Reads on from the path: `is damaged: it must have 32 bytes, and has 31`.
    public let reason: String

    /// `state/pepper is damaged: it must have 32 bytes, and has 31`.
    public var description: String { "\(path) \(reason)" }
}
