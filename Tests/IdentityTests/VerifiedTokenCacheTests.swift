// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto
import TestSupport
import Testing

@testable import Identity

@Suite struct VerifiedTokenCacheTests {
    let fixture = Fixture()

    private func lookup(
        _ cache: inout VerifiedTokenCache,
        _ text: String,
        now: UnixTime = Fixture.now
    ) -> Result<Principal, Refusal>? {
        Array(text.utf8).withUnsafeBytes { cache.lookup(token: $0, now: now, authenticator: fixture.authenticator) }
    }

    private func insert(_ cache: inout VerifiedTokenCache, _ text: String, _ principal: Principal) {
        let generation = fixture.directory.generation
        Array(text.utf8).withUnsafeBytes { cache.insert(token: $0, principal: principal, generation: generation) }
    }

    /// A cache that holds one token of the fixture's key.
    private func primed() throws -> (VerifiedTokenCache, String) {
        var cache = VerifiedTokenCache(capacity: 4)
        let token = try fixture.token()
        insert(&cache, token, try fixture.verify(token).get())
        return (cache, token)
    }

    @Test("what was put in comes out, and nothing else does")
    func hit() throws {
        var (cache, token) = try primed()
        #expect(lookup(&cache, token)?.code == .ok)
        #expect(lookup(&cache, token + "A") == nil)
        #expect(lookup(&cache, String(token.dropLast())) == nil)
        #expect(lookup(&cache, "") == nil)
        cache.removeAll()
        #expect(lookup(&cache, token) == nil)
    }

    @Test("no single-character change of a cached token hits")
    func changes() throws {
        var (cache, token) = try primed()
        let bytes = Array(token.utf8)
        for position in bytes.indices {
            var changed = bytes
            changed[position] ^= 1
            #expect(lookup(&cache, String(decoding: changed, as: UTF8.self)) == nil)
        }
    }

    @Test("the end and the beginning of a token are checked on every hit")
    func time() throws {
        var (cache, token) = try primed()
        #expect(lookup(&cache, token, now: fixture.now + -31)?.code == .tokenNotYetValid)
        #expect(lookup(&cache, token, now: fixture.now + 629)?.code == .ok)
        #expect(lookup(&cache, token, now: fixture.now + 630)?.code == .tokenExpired)
        #expect(cache.count == 0)
    }

    @Test("a revoked token, a revoked key and a disabled tenant are noticed at the next hit")
    func revocation() throws {
        var (cache, token) = try primed()
        fixture.directory.revoke(token: "another", until: fixture.now + 600)
        #expect(lookup(&cache, token)?.code == .ok)
        fixture.directory.revoke(token: "token-1", until: fixture.now + 600)
        #expect(lookup(&cache, token)?.code == .tokenRevoked)
        #expect(lookup(&cache, token) == nil)

        let other = try fixture.token(claims: fixture.claims.with("jti", "token-2"))
        let principal = try fixture.verify(other).get()
        insert(&cache, other, principal)
        var key = fixture.key
        key.revokedAt = fixture.now
        fixture.directory.put(key)
        #expect(lookup(&cache, other)?.code == .keyRevoked)

        fixture.directory.put(fixture.key)
        insert(&cache, other, principal)
        var tenant = fixture.tenant
        tenant.isDisabled = true
        fixture.directory.put(tenant)
        #expect(lookup(&cache, other)?.code == .tenantDisabled)
    }

    @Test("a key that lost a scope or got a new secret is verified anew")
    func changedKey() throws {
        var (cache, token) = try primed()
        insert(&cache, fixture.keyText, try fixture.authenticate(fixture.keyText).get())
        var key = fixture.key
        key.scopes = .modelsRead
        key.secretHash = SecureRandom.bytes(32)
        fixture.directory.put(key)
        #expect(lookup(&cache, token) == nil)
        #expect(lookup(&cache, fixture.keyText) == nil)
        #expect(try fixture.verify(token).get().scopes.isEmpty)
    }

    @Test("a change between verification and insertion is not missed")
    func race() throws {
        var cache = VerifiedTokenCache(capacity: 4)
        let token = try fixture.token()
        let gated = try fixture.gate(token).get()
        let principal = try fixture.authenticator.admit(gated, now: fixture.now).get()
        fixture.directory.revoke(token: "token-1", until: fixture.now + 600)
        Array(token.utf8).withUnsafeBytes {
            cache.insert(token: $0, principal: principal, generation: gated.generation)
        }
        #expect(lookup(&cache, token)?.code == .tokenRevoked)
    }

    @Test("a key's own expiry is kept to the second, for the key and for its tokens")
    func keyExpiry() throws {
        let fixture = Fixture(expiresAt: Fixture.now + 100)
        var cache = VerifiedTokenCache(capacity: 4)
        for text in [fixture.keyText, try fixture.token()] {
            let principal = try (text == fixture.keyText ? fixture.authenticate(text) : fixture.verify(text)).get()
            Array(text.utf8).withUnsafeBytes { bytes in
                cache.insert(token: bytes, principal: principal, generation: fixture.directory.generation)
                func code(at now: UnixTime) -> ReasonCode? {
                    cache.lookup(token: bytes, now: now, authenticator: fixture.authenticator)?.code
                }
                #expect(code(at: fixture.now + 99) == .ok)
                #expect(code(at: fixture.now + 100) == .keyExpired)
                #expect(code(at: fixture.now + 100) == nil)
            }
        }
    }

    @Test("it never holds more than its capacity, and tokens in use survive a scan")
    func eviction() throws {
        var cache = VerifiedTokenCache(capacity: 100)
        let principal = try fixture.authenticate(fixture.keyText).get()
        let hot = (0..<20).map { "hot-\($0)" }
        for text in hot { insert(&cache, text, principal) }
        for index in 0..<5000 {
            if index % 50 == 0 { for text in hot { #expect(lookup(&cache, text)?.code == .ok, "\(index)") } }
            insert(&cache, "scan-\(index)", principal)
            #expect(cache.count <= 100)
        }
        #expect(lookup(&cache, "scan-4999")?.code == .ok)
        #expect(lookup(&cache, "scan-0") == nil)
    }

    @Test("a table put through random work answers like a plain dictionary")
    func model() throws {
        var random = SeededGenerator(seed: 7)
        var table = SieveTable()
        var model: [String: UInt64] = [:]
        let principal = try fixture.authenticate(fixture.keyText).get()
        for step in 0..<20_000 {
            let text = "token-\(Int.random(in: 0..<400, using: &random))"
            Array(text.utf8).withUnsafeBytes { bytes in
                let found = table.find(bytes)
                #expect(found.map { table[$0].generation } == model[text])
                switch (Int.random(in: 0..<10, using: &random), found) {
                case (0..<3, let index?):
                    table.remove(index)
                    model[text] = nil
                case (3..<6, let index?):
                    table[index].wasVisited = true
                case (0..<6, nil):
                    table.insert(bytes, principal: principal, generation: UInt64(step))
                    model[text] = UInt64(step)
                case (6, _):
                    let before = Set(model.keys)
                    table.evict()
                    for text in before where Array(text.utf8).withUnsafeBytes({ table.find($0) }) == nil {
                        model[text] = nil
                    }
                    #expect(model.count == max(0, before.count - 1))
                default:
                    break
                }
            }
            #expect(table.count == model.count)
        }
    }

    @Test("eviction follows SIEVE: the first from the hand on that was not visited")
    func sieve() throws {
        var table = SieveTable()
        let principal = try fixture.authenticate(fixture.keyText).get()
        func find(_ name: String) -> Int32? { Array(name.utf8).withUnsafeBytes { table.find($0) } }
        func add(_ name: String) {
            Array(name.utf8).withUnsafeBytes { table.insert($0, principal: principal, generation: 0) }
        }
        for name in ["a", "b", "c", "d"] { add(name) }
        table[find("a")!].wasVisited = true
        table[find("c")!].wasVisited = true
        table.evict()
        #expect(find("b") == nil && find("a") != nil)
        // The hand stands at c, which is spared once; d goes.
        table.evict()
        #expect(find("d") == nil && find("c") != nil)
        // Past the newest the hand begins again at the oldest; a was spared before, now it goes.
        add("e")
        table[find("e")!].wasVisited = true
        table.evict()
        #expect(find("a") == nil && find("e") != nil && find("c") != nil)
    }
}
