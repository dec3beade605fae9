// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import GatewayCore
import Identity
import TestSupport
import Testing

@testable import Storage

@Suite struct StoreFileTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    @Test func `a new store has all tables and nothing in them`() throws {
        let store = try Store(path: folder.store)
        #expect(try store.tenants().isEmpty)
        #expect(try store.plans().isEmpty)
        #expect(try store.keys().isEmpty)
        #expect(try store.revokedTokens().isEmpty)
        #expect(try store.limitSnapshot() == (0, []))
    }

    @Test func `an empty file becomes a store`() throws {
        try Data().write(to: URL(filePath: folder.store))
        _ = try filledStore(folder)
    }

    @Test func `commits wait for the disk and rows keep their references`() throws {
        let store = try Store(path: folder.store)
        #expect(try store.read { try Int.fetchOne($0, sql: "PRAGMA synchronous") } == 2)
        #expect(try store.read { try Int.fetchOne($0, sql: "PRAGMA foreign_keys") } == 1)
        #expect(try store.read { try String.fetchOne($0, sql: "PRAGMA journal_mode") } == "wal")
    }

    @Test func `only the owner can read the files, even if they were open to all before`() throws {
        var store = try filledStore(folder)
        func modes() throws -> [Int] {
            try ["", "-wal", "-shm"].map { suffix in
                let attributes = try FileManager.default.attributesOfItem(atPath: folder.store + suffix)
                return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
            }
        }
        #expect(try modes() == [0o600, 0o600, 0o600])
        try store.close()
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: folder.store)
        store = try Store(path: folder.store)
        try store.set("a", to: "b")
        #expect(try modes() == [0o600, 0o600, 0o600])
    }

    @Test func `closing leaves one file that holds everything`() throws {
        try filledStore(folder).close()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["control.sqlite"])
        #expect(try Store(path: folder.store).tenants() == [tenant()])
    }

    @Test func `a closed store answers with an error`() throws {
        let store = try filledStore(folder)
        try store.close()
        #expect(throws: StorageError.closed(path: folder.store)) { try store.tenants() }
        #expect(throws: StorageError.closed(path: folder.store)) { try store.close() }
        let index = try AuditIndex(path: folder.index)
        try index.close()
        #expect(throws: StorageError.closed(path: folder.index)) {
            try index.append([AuditIndexEntry(index: 0, record: [])])
        }
        #expect(throws: StorageError.self) { try index.search(AuditQuery()) }
    }

    @Test func `what was stored when the process was killed is there`() throws {
        let store = try filledStore(folder)
        try store.insert(key())
        try store.revoke(key: key().id, at: now)
        let killed = try TemporaryDirectory()
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: folder.store + suffix, toPath: killed.store + suffix)
        }
        let reopened = try Store(path: killed.store)
        #expect(try reopened.key(id: key().id)?.revokedAt == now)
        try reopened.close()
    }

    @Test func `a file of a later release is refused and its data left alone`() throws {
        let store = try filledStore(folder)
        try store.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('from the future')") }
        try store.close()
        #expect(throws: StorageError.newerSchema(path: folder.store)) { try Store(path: folder.store) }
        let later = try DatabaseQueue(path: folder.store)
        let kept = try later.read { db in
            try Int.fetchAll(db, sql: "SELECT count(*) FROM tenants UNION ALL SELECT count(*) FROM grdb_migrations")
        }
        #expect(kept == [1, Schema.migrator.migrations.count + 1])
    }

    @Test func `a text file is refused and left as it was`() throws {
        let text = Data("listen: 8443\n".utf8)
        try text.write(to: URL(filePath: folder.store))
        #expect(throws: StorageError.foreign(path: folder.store)) { try Store(path: folder.store) }
        #expect(try Data(contentsOf: URL(filePath: folder.store)) == text)
    }

    @Test func `another program's database is refused`() throws {
        let other = try DatabaseQueue(path: folder.store)
        try other.write { try $0.execute(sql: "CREATE TABLE notes (text TEXT)") }
        try other.close()
        #expect(throws: StorageError.foreign(path: folder.store)) { try Store(path: folder.store) }
    }

    @Test func `an audit index is no store`() throws {
        try AuditIndex(path: folder.store).close()
        #expect(throws: StorageError.foreign(path: folder.store)) { try Store(path: folder.store) }
    }

    @Test(arguments: [4096, 8192, 20_000])
    func `a file with overwritten pages is refused as damaged`(offset: Int) throws {
        try filledStore(folder).close()
        var bytes = try Data(contentsOf: URL(filePath: folder.store))
        bytes.replaceSubrange(offset..<offset + 3000, with: Data(repeating: 0xa5, count: 3000))
        try bytes.write(to: URL(filePath: folder.store))
        let error = #expect(throws: StorageError.self) { try Store(path: folder.store) }
        guard case .damaged = error else {
            Issue.record("not damaged but \(error.map(String.init(describing:)) ?? "no error")")
            return
        }
    }

    @Test func `a truncated file is refused as damaged`() throws {
        try filledStore(folder).close()
        let bytes = try Data(contentsOf: URL(filePath: folder.store))
        try bytes.prefix(bytes.count / 2).write(to: URL(filePath: folder.store))
        let error = #expect(throws: StorageError.self) { try Store(path: folder.store) }
        guard case .damaged = error else {
            Issue.record("not damaged but \(error.map(String.init(describing:)) ?? "no error")")
            return
        }
    }

    @Test func `a value that the gateway cannot have written is reported with its column`() throws {
        let store = try filledStore(folder)
        try store.write { try $0.execute(sql: "UPDATE plans SET models = '[\"no such name!\"]'") }
        #expect(throws: StorageError.damaged(path: folder.store, detail: "column models holds no valid value")) {
            try store.plans()
        }
    }

    @Test func `a missing folder and a folder in the file's place are said to be inaccessible`() throws {
        for path in [folder.file("none/control.sqlite"), folder.path] {
            let error = #expect(throws: StorageError.self) { try Store(path: path) }
            guard case .inaccessible(path, _) = error else {
                Issue.record("not inaccessible")
                continue
            }
            #expect(error?.description.contains("permission") == true)
        }
    }

    @Test(.enabled(if: geteuid() != 0, "the superuser may write anywhere"))
    func `a folder that cannot be written is said to be inaccessible`() throws {
        try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: folder.path)
        defer { try? FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder.path) }
        #expect(throws: StorageError.inaccessible(path: folder.store, detail: "Permission denied")) {
            try Store(path: folder.store)
        }
    }

    @Test(.enabled(if: geteuid() != 0, "the superuser may write anywhere"))
    func `a store whose folder became read-only is said to be inaccessible`() throws {
        try filledStore(folder).close()
        try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: folder.path)
        defer { try? FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder.path) }
        let error = #expect(throws: StorageError.self) { try Store(path: folder.store) }
        guard case .inaccessible = error else {
            Issue.record("not inaccessible but \(error.map(String.init(describing:)) ?? "no error")")
            return
        }
    }

    @Test func `errors never show a key's hash`() throws {
        let store = try filledStore(folder)
        var bad = key()
        bad.secretHash = Array("topsecret".utf8)
        let error = #expect(throws: StorageError.self) { try store.insert(bad) }
        let text = try #require(error.map { "\($0) \(String(reflecting: $0))" })
        #expect(!text.contains("topsecret") && !text.contains("dG9wc2VjcmV0"))
    }

    @Test func `threads that store at once all succeed`() throws {
        let store = try filledStore(folder)
        DispatchQueue.concurrentPerform(iterations: 40) { index in
            do { try store.revoke(token: "t\(index)", until: now) } catch { Issue.record(error) }
        }
        #expect(try store.revokedTokens().count == 40)
    }
}
