// SPDX-License-Identifier: Apache-2.0

import GRDB
import GatewayCore
import Identity
import Limits
import TestSupport
import Testing

@testable import Storage

/// What the management API keeps: lives, limits of one, lists and answers.
@Suite struct AdministrationTests {
    let folder: TemporaryDirectory
    let store: Store

    init() throws {
        folder = try TemporaryDirectory()
        store = try filledStore(folder)
    }

    private func reopened() throws -> Store {
        try store.close()
        return try Store(path: folder.store)
    }

    @Test func `a tenant's limits and its end come back as they were stored`() throws {
        var changed = tenant()
        changed.deletesAt = now + 60
        changed.overrides = LimitOverrides(
            rate: .limited(RequestRate(requests: 3, seconds: 2, burst: 1)),
            dailyQuota: .unlimited,
            models: .only([ModelName("iris")!])
        )
        let stored = try store.update(changed, expectedRevision: 1)
        #expect(stored.state == .deleting)
        #expect(try reopened().tenant(acme) == stored)
    }

    @Test func `a key's restrictions and both secrets come back as they were stored`() throws {
        try store.insert(key())
        var changed = key()
        changed.networks = [IPNetwork("192.0.2.0/24")!, IPNetwork("2001:db8::/32")!]
        changed.limits = KeyLimits(
            rate: RequestRate(requests: 1, seconds: 60, burst: 2),
            dailyQuota: 10,
            concurrency: 3
        )
        changed.retiring = .init(hash: Array(repeating: 9, count: 32), endsAt: now + 5)
        changed.secretHash = Array(repeating: 8, count: 32)
        changed.scopes = .predict
        changed.expiresAt = nil
        let stored = try store.update(changed, expectedRevision: 1)
        #expect(stored.revision == 2)
        #expect(throws: StorageError.revisionConflict(what: "key Ab3dEf9h", current: 2)) {
            try store.update(changed, expectedRevision: 1)
        }
        #expect(throws: StorageError.notFound("key 00000000")) {
            try store.update(key("00000000"), expectedRevision: nil)
        }
        let again = try reopened()
        #expect(try again.key(id: "Ab3dEf9h") == stored)
        #expect(try again.keys() == [stored])
    }

    @Test func `a change of a revoked key leaves it revoked`() throws {
        try store.insert(key())
        let revoked = try store.revoke(key: "Ab3dEf9h", at: now)
        #expect(revoked.revision == 2)
        #expect(try store.update(key(), expectedRevision: nil).revokedAt == now)
    }

    @Test func `pages hold each tenant once while others are added before and behind`() throws {
        for number in 0..<25 {
            try store.insert(tenant(TenantID("t\(number + 10)")!, plan: number % 2 == 0 ? gold : PlanName("open")!))
        }
        var seen: [String] = []
        var page = try tenants(store, limit: 7)
        while !page.isEmpty {
            seen += page
            try store.insert(tenant(TenantID("a\(seen.count)")!))
            let last = page.last
            page = try tenants(store, limit: 7) { $0.after = last }
        }
        #expect(seen == ["acme"] + (0..<25).map { "t\($0 + 10)" })
    }

    @Test func `tenants are filtered by name, state and plan, and each alone`() throws {
        var beta = tenant(TenantID("beta")!, plan: PlanName("open")!)
        beta.displayName = "Umbrella%Corp"
        try store.insert(beta)
        beta.isDisabled = true
        _ = try store.update(beta, expectedRevision: nil)
        var gone = tenant(TenantID("gone")!)
        try store.insert(gone)
        gone.deletesAt = now + 10
        _ = try store.update(gone, expectedRevision: nil)
        #expect(try tenants(store) { $0.name = "umbrella%" } == ["beta"])
        #expect(try tenants(store) { $0.name = "ETA" } == ["beta"])
        #expect(try tenants(store) { $0.name = "%" } == ["beta"], "no pattern")
        #expect(try tenants(store) { $0.state = .active } == ["acme"])
        #expect(try tenants(store) { $0.state = .suspended } == ["beta"])
        #expect(try tenants(store) { $0.state = .deleting } == ["gone"])
        #expect(try tenants(store) { $0.plan = gold } == ["acme", "gone"])
        #expect(try tenants(store) { $0.only = gone.id } == ["gone"])
        #expect(try store.tenants(on: gold).map(\.id.description) == ["acme", "gone"])
    }

    @Test func `keys are listed in the order they were made, page by page, and filtered`() throws {
        for number in 0..<20 {
            var key = key("0000000\(Character(UnicodeScalar(UInt8(65 + number))))")
            key.createdAt = now + Int64(number / 2)
            key.name = number % 2 == 0 ? "Even" : "odd"
            key.expiresAt = number < 5 ? now : nil
            try store.insert(key)
        }
        _ = try store.revoke(key: "0000000A", at: now)
        var seen: [String] = []
        var page = try list(store, limit: 3)
        while let last = page.last {
            seen += page.map(\.key.id)
            page = try list(store, limit: 3) { $0.after = .init(createdAt: last.key.createdAt, id: last.key.id) }
        }
        #expect(seen == seen.sorted() && seen.count == 20)
        #expect(try list(store) { $0.name = "eve" }.count == 10)
        #expect(try list(store) { $0.state = .revoked }.map(\.key.id) == ["0000000A"])
        #expect(try list(store) { $0.state = .expired }.count == 4)
        #expect(try list(store) { $0.state = .active }.count == 15)
        #expect(try list(store) { $0.role = .admin }.isEmpty)
    }

    @Test(arguments: [
        "SELECT * FROM api_keys WHERE tenant IS ? AND (created_at, id) > (?, ?) ORDER BY created_at, id LIMIT 100",
        "SELECT * FROM api_keys WHERE (created_at, id) > (?, ?) ORDER BY created_at, id LIMIT 100",
        "SELECT * FROM tenants WHERE id > ? ORDER BY id LIMIT 100", "SELECT * FROM tenants WHERE plan = ?",
        "SELECT * FROM tenants WHERE deletes_at <= ?", "SELECT id FROM api_keys WHERE tenant = ?",
    ])
    func `lists are read from an index and never sorted`(sql: String) throws {
        let plan = try store.read { db in
            let statement = try db.makeStatement(sql: "EXPLAIN QUERY PLAN \(sql)")
            statement.arguments = StatementArguments(Array(repeating: "x", count: sql.filter { $0 == "?" }.count))
            return try Row.fetchAll(statement).map { $0["detail"] as String }.joined(separator: "; ")
        }
        #expect(plan.contains("USING INDEX") || plan.contains("USING COVERING INDEX"), "\(plan)")
        #expect(!plan.contains("SCAN") || plan.contains("SCAN api_keys USING INDEX"), "\(plan)")
        #expect(!plan.contains("TEMP B-TREE"), "\(plan)")
    }

    @Test func `when a key was used only moves on`() throws {
        try store.insert(key())
        #expect(try store.lastUse(ofKey: "Ab3dEf9h") == nil)
        try store.save(uses: [("Ab3dEf9h", now + 5), ("00000000", now)])
        try store.save(uses: [("Ab3dEf9h", now + 2)])
        let again = try reopened()
        #expect(try again.lastUse(ofKey: "Ab3dEf9h") == now + 5)
        #expect(try list(again).first?.lastUsedAt == now + 5)
        #expect(try again.key(id: "Ab3dEf9h")?.revision == 1)
    }

    @Test func `a deleted tenant is purged with its keys when its grace has ended, and not before`() throws {
        try store.insert(key())
        try store.insert(key("Zy8xWv7u", tenant: .system))
        var deleted = tenant()
        deleted.deletesAt = now + 10
        _ = try store.update(deleted, expectedRevision: nil)
        #expect(try store.tenantsToPurge(at: now + 9).isEmpty)
        #expect(throws: StorageError.notFound("deleted tenant acme")) { try store.purge(tenant: acme, at: now + 9) }
        #expect(try store.tenantsToPurge(at: now + 10).map(\.id) == [acme])
        #expect(try store.purge(tenant: acme, at: now + 10) == ["Ab3dEf9h"])
        #expect(try store.tenant(acme) == nil)
        #expect(try store.keys().map(\.id) == ["Zy8xWv7u"])
    }

    @Test func `a plan goes when no tenant is on it`() throws {
        #expect(throws: StorageError.inUse("plan gold")) { try store.delete(plan: gold) }
        #expect(throws: StorageError.revisionConflict(what: "plan open", current: 1)) {
            try store.delete(plan: PlanName("open")!, expectedRevision: 2)
        }
        try store.delete(plan: PlanName("open")!, expectedRevision: 1)
        #expect(throws: StorageError.notFound("plan open")) { try store.delete(plan: PlanName("open")!) }
    }

    @Test func `an answer is kept with what it tells of, or neither is`() throws {
        let answer = IdempotentAnswer(
            caller: "Zy8xWv7u",
            keyHash: [1],
            requestHash: [2],
            status: 201,
            location: "/x",
            etag: nil,
            body: "{}",
            createdAt: now
        )
        try store.insert(key(), answer: answer)
        #expect(throws: StorageError.exists("key Ab3dEf9h")) {
            var other = answer
            other.keyHash = [9]
            try store.insert(key(), answer: other)
        }
        let again = try reopened()
        #expect(try again.answer(to: "Zy8xWv7u", keyHash: [1], since: now) == answer)
        #expect(try again.answer(to: "Zy8xWv7u", keyHash: [9], since: now) == nil)
        #expect(try again.answer(to: "other", keyHash: [1], since: now) == nil)
        #expect(try again.answer(to: "Zy8xWv7u", keyHash: [1], since: now + 1) == nil)
        try again.purgeAnswers(before: now + 1)
        #expect(try again.answer(to: "Zy8xWv7u", keyHash: [1], since: now) == nil)
    }

    @Test func `a store of the first release is brought up to date with all it holds`() throws {
        let path = folder.file("old.sqlite")
        let queue = try DatabaseQueue(path: path)
        try queue.write { db in
            try db.execute(sql: "PRAGMA application_id = \(Schema.application)")
        }
        try Schema.migrator.migrate(queue, upTo: "control")
        try queue.write { db in
            try db.execute(
                sql: """
                    INSERT INTO plans VALUES ('gold', NULL, NULL, NULL, NULL, NULL, NULL, 1);
                    INSERT INTO tenants VALUES ('acme', 'Acme', 'gold', 1, 5, 3);
                    INSERT INTO api_keys VALUES ('Ab3dEf9h', NULL, 'admin', 'first admin', 'admin models:read', NULL,
                        zeroblob(32), 5, 'init', NULL, NULL);
                    """
            )
        }
        try queue.close()
        let store = try Store(path: path)
        let tenant = try #require(try store.tenant(acme))
        #expect(tenant.state == .suspended && tenant.overrides == nil && tenant.revision == 3)
        let key = try #require(try store.key(id: "Ab3dEf9h"))
        #expect(key.revision == 1 && key.networks == nil && key.retiring == nil)
        #expect(key.scopes.expanded.intersection(key.role.scopes) == Role.admin.scopes)
        #expect(try store.plan(gold)?.weight == 1)
    }

    @Test func `a key's rate of the release before becomes the first of its limits`() throws {
        let path = folder.file("old.sqlite")
        let queue = try DatabaseQueue(path: path)
        try queue.write { db in
            try db.execute(sql: "PRAGMA application_id = \(Schema.application)")
        }
        try Schema.migrator.migrate(queue, upTo: "administration")
        try queue.write { db in
            try db.execute(
                sql: """
                    INSERT INTO api_keys (id, role, name, scopes, secret_hash, created_at, created_by, rate) VALUES
                        ('Ab3dEf9h', 'admin', '', 'admin', zeroblob(32), 5, 'init',
                            '{"requests":5,"seconds":1,"burst":7}'),
                        ('Zy8xWv7u', 'admin', '', 'admin', zeroblob(32), 5, 'init', NULL);
                    """
            )
        }
        try queue.close()
        let store = try Store(path: path)
        let limits = KeyLimits(rate: RequestRate(requests: 5, seconds: 1, burst: 7))
        #expect(try store.key(id: "Ab3dEf9h")?.limits == limits)
        let other = try #require(try store.key(id: "Zy8xWv7u"))
        #expect(other.limits == nil)
    }
}
