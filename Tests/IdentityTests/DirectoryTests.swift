// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

@testable import Identity

@Suite struct DirectoryTests {
    @Test("every change is seen at once and moves the generation")
    func changes() {
        let fixture = Fixture()
        let directory = fixture.directory
        var generations = [directory.generation]
        func moved() -> Bool {
            generations.append(directory.generation)
            return generations.suffix(2).first! < generations.last!
        }
        var tenant = fixture.tenant
        tenant.displayName = "Renamed"
        directory.put(tenant)
        #expect(moved() && directory.tenant(tenant.id)?.displayName == "Renamed")
        var key = fixture.key
        key.name = "renamed"
        directory.put(key)
        #expect(moved() && directory.key(key.id)?.name == "renamed")
        directory.revoke(token: "t", until: fixture.now)
        #expect(moved() && directory.isRevoked(token: "t"))
        _ = directory.tenant(tenant.id)
        #expect(!moved())
    }

    @Test("a tenant that is gone takes its keys along, and each call says from which generation it holds")
    func removal() {
        let fixture = Fixture()
        let directory = fixture.directory
        let before = directory.generation
        #expect(directory.counts == (1, 1))
        #expect(directory.remove(fixture.tenant.id, keys: [fixture.key.id]) == before + 1)
        #expect(directory.counts == (0, 0) && directory.generation == before + 1)
        #expect(directory.put(fixture.tenant) == before + 2)
        #expect(directory.put(fixture.key) == before + 3)
        #expect(directory.revoke(token: "t", until: fixture.now) == before + 4)
        #expect(Directory(tenants: [], keys: [], revokedTokens: [], generation: 7).generation == 7)
    }

    @Test("a key's own limits are found while it counts, whatever else comes and goes")
    func limits() {
        let fixture = Fixture()
        let directory = fixture.directory
        let limits = KeyLimits(dailyQuota: 3)
        var limited = fixture.key
        limited.limits = limits
        #expect(directory.limits(ofKey: limited.id) == nil)
        for _ in 0..<2 {
            directory.put(limited)
            directory.put(limited)
            #expect(directory.limits(ofKey: limited.id) == limits && directory.limits(ofKey: "none") == nil)
            directory.put(fixture.key)
            #expect(directory.limits(ofKey: limited.id) == nil)
        }
        var other = limited
        other.id = "Zy8xWv7u"
        directory.put(limited)
        directory.put(other)
        var revoked = limited
        revoked.revokedAt = fixture.now
        directory.put(revoked)
        #expect(directory.limits(ofKey: limited.id) == nil && directory.limits(ofKey: other.id) == limits)
        directory.remove(other.tenant, keys: [other.id, limited.id])
        #expect(directory.limits(ofKey: other.id) == nil)
        #expect(Directory(tenants: [], keys: [revoked], revokedTokens: []).limits(ofKey: limited.id) == nil)
        #expect(Directory(tenants: [], keys: [limited], revokedTokens: []).limits(ofKey: limited.id) == limits)
    }

    @Test("the uses of keys are told once each, with the last time, whichever threads noted them")
    func uses() async {
        let fixture = Fixture()
        let directory = fixture.directory
        let principals = (0..<8).map { number in
            var key = fixture.key
            key.id = "0000000\(number)"
            return Principal(key: key)
        }
        #expect(directory.takeUses().isEmpty)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for second in 1...500 {
                        principals[second % 8].noteUse(at: UnixTime(seconds: Int64(second)), in: directory)
                    }
                }
            }
        }
        var latest: [String: UnixTime] = [:]
        for use in directory.takeUses() { latest[use.keyID] = max(use.at, latest[use.keyID] ?? use.at) }
        #expect(latest.count == 8)
        for number in 0..<8 {
            let expected = (1...500).last { $0 % 8 == number }.map { UnixTime(seconds: Int64($0)) }
            #expect(latest["0000000\(number)"] == expected)
            #expect(directory.lastUse(ofKey: "0000000\(number)") == expected)
        }
        #expect(directory.takeUses().isEmpty)
        principals[0].noteUse(at: UnixTime(seconds: 496), in: directory)
        #expect(directory.takeUses().isEmpty, "an older use is no news")
        principals[0].noteUse(at: UnixTime(seconds: 501), in: directory)
        #expect(directory.takeUses().map(\.keyID) == ["00000000"])
        #expect(directory.lastUse(ofKey: "none") == nil)
    }

    @Test("a revoked token is remembered as long as the longest promise, and forgotten when it would have expired")
    func forgetting() {
        let directory = Directory(
            tenants: [],
            keys: [],
            revokedTokens: [RevokedToken(id: "a", expiresAt: UnixTime(seconds: 100))]
        )
        directory.revoke(token: "b", until: UnixTime(seconds: 200))
        directory.revoke(token: "b", until: UnixTime(seconds: 50))
        directory.forgetRevokedTokens(expiredBefore: UnixTime(seconds: 100))
        #expect(directory.isRevoked(token: "a"))
        directory.forgetRevokedTokens(expiredBefore: UnixTime(seconds: 101))
        #expect(!directory.isRevoked(token: "a") && directory.isRevoked(token: "b"))
        directory.forgetRevokedTokens(expiredBefore: UnixTime(seconds: 201))
        #expect(!directory.isRevoked(token: "b"))
    }

    @Test("readers and writers on many threads always see whole changes")
    func threads() async {
        let fixture = Fixture()
        let directory = fixture.directory
        await withTaskGroup(of: Void.self) { group in
            for writer in 0..<4 {
                group.addTask {
                    for round in 0..<200 { directory.revoke(token: "\(writer)-\(round)", until: Fixture.now) }
                }
            }
            for _ in 0..<4 {
                group.addTask {
                    var last: UInt64 = 0
                    for _ in 0..<500 {
                        let generation = directory.generation
                        #expect(generation >= last)
                        last = generation
                        #expect(directory.key(fixture.key.id) != nil)
                    }
                }
            }
        }
        #expect(directory.generation == 801)
        #expect(directory.isRevoked(token: "3-199"))
    }
}
