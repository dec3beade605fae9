// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Identity
import Limits
import Storage
import TestSupport
import Testing

@Suite struct StoreTests {
    private let folder: TemporaryDirectory
    private let store: Store

    init() throws {
        folder = try TemporaryDirectory()
        store = try filledStore(folder)
    }

    private func reopened() throws -> Store {
        try store.close()
        return try Store(path: folder.store)
    }

    // MARK: - Plans

    @Test func `plans come back as they were stored, after a reopening too`() throws {
        let store = try reopened()
        #expect(try store.plans() == [goldPlan, openPlan])
        #expect(try store.plan(gold) == goldPlan)
        #expect(try store.plan(PlanName("none")!) == nil)
    }

    @Test func `a plan without any model is not one with all models`() throws {
        var none = openPlan
        none.models = .only([])
        #expect(try store.upsert(none).models == .only([]))
        #expect(try store.plan(none.name)?.models == .only([]))
    }

    @Test func `a changed plan moves one revision on, an equal one stays`() throws {
        var changed = goldPlan
        changed.rate?.burst = 50
        #expect(try store.upsert(changed, expectedRevision: 1).revision == 2)
        #expect(try store.upsert(changed).revision == 2)
        #expect(throws: StorageError.revisionConflict(what: "plan gold", current: 2)) {
            try store.upsert(goldPlan, expectedRevision: 1)
        }
        #expect(try store.plan(gold)?.rate?.burst == 50)
        #expect(throws: StorageError.revisionConflict(what: "plan open", current: 1)) {
            try store.upsert(openPlan, expectedRevision: 0)
        }
    }

    // MARK: - Tenants

    @Test func `tenants come back as they were stored`() throws {
        try store.insert(tenant(TenantID("zeta")!, plan: openPlan.name))
        let store = try reopened()
        #expect(try store.tenants() == [tenant(), tenant(TenantID("zeta")!, plan: openPlan.name)])
        #expect(try store.tenant(acme) == tenant())
        #expect(try store.tenant(TenantID("none")!) == nil)
    }

    @Test func `a tenant's name is given once, and that of the system never`() throws {
        #expect(throws: StorageError.exists("tenant acme")) { try store.insert(tenant()) }
        #expect(throws: StorageError.exists("tenant system")) { try store.insert(tenant(.system)) }
    }

    @Test func `a tenant needs a plan that exists`() throws {
        let lost = PlanName("lost")!
        #expect(throws: StorageError.notFound("plan lost")) {
            try store.insert(tenant(TenantID("zeta")!, plan: lost))
        }
        #expect(throws: StorageError.notFound("plan lost")) {
            try store.update(tenant(plan: lost), expectedRevision: nil)
        }
        #expect(try store.tenants() == [tenant()])
    }

    @Test func `of two changes to one revision the second is refused`() throws {
        var changed = tenant()
        changed.isDisabled = true
        changed.createdAt = now + 99
        let stored = try store.update(changed, expectedRevision: 1)
        #expect(stored.revision == 2 && stored.isDisabled && stored.createdAt == now)
        #expect(throws: StorageError.revisionConflict(what: "tenant acme", current: 2)) {
            try store.update(tenant(), expectedRevision: 1)
        }
        #expect(try store.tenant(acme) == stored)
        #expect(try store.update(tenant(), expectedRevision: nil).revision == 3)
        #expect(throws: StorageError.notFound("tenant zeta")) {
            try store.update(tenant(TenantID("zeta")!), expectedRevision: nil)
        }
    }

    // MARK: - Keys

    @Test func `keys come back as they were stored`() throws {
        let own = key(models: .only([ModelName("digits")!]))
        var operators = key("Zy8xWv7u", tenant: .system)
        operators.expiresAt = nil
        operators.createdAt = now + 1
        try store.insert(own)
        try store.insert(operators)
        let store = try reopened()
        #expect(try Set(store.keys()) == [own, operators])
        #expect(try list(store).map(\.key) == [own, operators])
        #expect(try list(store) { $0.tenant = acme }.map(\.key) == [own])
        #expect(try list(store) { $0.tenant = .system }.map(\.key) == [operators])
        #expect(try store.key(id: own.id) == own)
        #expect(try store.key(id: "00000000") == nil)
    }

    @Test func `a key's id is given once, and to a tenant that exists`() throws {
        try store.insert(key())
        #expect(throws: StorageError.exists("key Ab3dEf9h")) { try store.insert(key()) }
        #expect(throws: StorageError.notFound("tenant zeta")) {
            try store.insert(key("Zy8xWv7u", tenant: TenantID("zeta")!))
        }
    }

    @Test func `a revoked key stays revoked, at its first moment, across a reopening`() throws {
        try store.insert(key())
        #expect(try store.revoke(key: "Ab3dEf9h", at: now + 5).revokedAt == now + 5)
        #expect(try store.revoke(key: "Ab3dEf9h", at: now + 9).revokedAt == now + 5)
        #expect(try reopened().key(id: "Ab3dEf9h")?.revokedAt == now + 5)
    }

    @Test func `there is no revoking a key that does not exist`() throws {
        #expect(throws: StorageError.notFound("key 00000000")) { try store.revoke(key: "00000000", at: now) }
    }

    // MARK: - Revoked tokens

    @Test func `revoked tokens are kept until they expire`() throws {
        try store.revoke(token: "b", until: now + 10)
        try store.revoke(token: "a", until: now + 20)
        try store.revoke(token: "b", until: now + 5)
        let store = try reopened()
        let both = [RevokedToken(id: "a", expiresAt: now + 20), RevokedToken(id: "b", expiresAt: now + 10)]
        #expect(try store.revokedTokens() == both)
        #expect(try store.purgeRevokedTokens(expiredBefore: now + 10) == 0)
        #expect(try store.purgeRevokedTokens(expiredBefore: now + 11) == 1)
        #expect(try store.revokedTokens() == [both[0]])
    }

    // MARK: - Limits and settings

    @Test func `a limit snapshot comes back with the index it covers`() throws {
        #expect(try store.limitSnapshot() == (0, []))
        let first = [
            AccountSnapshot(
                .tenant(acme),
                theoreticalArrivalNanoseconds: now.nanoseconds,
                quotaDay: 20_781,
                quotaUsed: 17
            ),
            AccountSnapshot(.tenant(gamma), theoreticalArrivalNanoseconds: .min, quotaDay: 0, quotaUsed: 0),
            AccountSnapshot(.key("Ab3dEf9h"), theoreticalArrivalNanoseconds: 9, quotaDay: 8, quotaUsed: 7),
        ]
        try store.save(limitSnapshot: first, coveredIndex: 4711)
        #expect(try store.limitSnapshot() == (4711, first))
        try store.save(limitSnapshot: [first[1]], coveredIndex: 1 << 63)
        let store = try reopened()
        #expect(try store.limitSnapshot() == (1 << 63, [first[1]]))
    }

    @Test func `a limit snapshot that fails leaves the one before whole`() throws {
        let good = AccountSnapshot(.tenant(acme), theoreticalArrivalNanoseconds: 1, quotaDay: 2, quotaUsed: 3)
        try store.save(limitSnapshot: [good], coveredIndex: 7)
        // The same tenant twice breaks the key half way.
        #expect(throws: StorageError.self) { try store.save(limitSnapshot: [good, good], coveredIndex: 8) }
        #expect(try store.limitSnapshot() == (7, [good]))
        // So does a key, when all tenants are written.
        let key = AccountSnapshot(.key("Ab3dEf9h"), theoreticalArrivalNanoseconds: 4, quotaDay: 5, quotaUsed: 6)
        #expect(throws: StorageError.self) { try store.save(limitSnapshot: [key, key], coveredIndex: 9) }
        #expect(try store.limitSnapshot() == (7, [good]))
    }

    @Test func `settings keep their last value`() throws {
        #expect(try store.setting("installation") == nil)
        try store.set("installation", to: "4f6a")
        try store.set("installation", to: "9b1c")
        #expect(try reopened().setting("installation") == "9b1c")
    }

    private let gamma = TenantID("gamma")!
}
