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
        _ = directory.tenants()
        #expect(!moved())
    }

    @Test("lists are in a fixed order, and a tenant's keys are its own")
    func lists() {
        let fixture = Fixture()
        let names = ["zeta", "beta", "eta"].map { TenantID($0)! }
        for name in names {
            fixture.directory.put(Tenant(id: name, displayName: "", plan: fixture.tenant.plan, createdAt: fixture.now))
        }
        #expect(fixture.directory.tenants().map(\.id.description) == ["acme", "beta", "eta", "zeta"])
        for (index, id) in ["00000002", "00000001", "00000003"].enumerated() {
            var key = fixture.key
            key.id = id
            key.tenant = names[index / 2]
            key.createdAt = fixture.now + Int64(index)
            fixture.directory.put(key)
        }
        #expect(fixture.directory.keys(of: names[0]).map(\.id) == ["00000002", "00000001"])
        #expect(fixture.directory.keys(of: names[1]).map(\.id) == ["00000003"])
        #expect(fixture.directory.keys(of: names[2]).isEmpty)
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
