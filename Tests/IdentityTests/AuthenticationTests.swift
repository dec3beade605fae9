// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto
import Testing

@testable import Identity

@Suite struct AuthenticationTests {
    @Test("a key proves its tenant, with what its role allows of its scopes")
    func good() throws {
        let fixture = Fixture()
        let principal = try fixture.authenticate(fixture.keyText).get()
        #expect(principal.tenant == fixture.tenant.id)
        #expect(principal.keyID == fixture.key.id && principal.subject == fixture.key.id)
        #expect(principal.scopes == [.predict, .modelsRead])
        #expect(principal.tokenID == nil && principal.issuer == nil && principal.expiresAt == nil)
    }

    @Test("garbage, an unknown id and a wrong secret are all just no key, and none is shown")
    func invalid() throws {
        let fixture = Fixture()
        let (id, other) = APIKeyFormat.generate()
        // The known id with another secret, its checksum made right.
        let body = "tg_live_\(fixture.key.id)_" + other.dropFirst(17).prefix(43)
        let forged = body + String(decoding: Base62.encode(UInt64(CRC32.checksum(body.utf8)), length: 6), as: UTF8.self)
        #expect(APIKeyFormat.parse(forged.utf8) != nil)
        for text in [
            "", "tg_live_", "garbage", other, forged, fixture.keyText + "x", String(fixture.keyText.dropLast()),
        ] {
            let refusal = try #require(fixture.authenticate(text).refusal)
            #expect(refusal.code == .keyInvalid)
            #expect(!(refusal.sentence + refusal.detail).contains(String(other.dropFirst(17).prefix(20))))
        }
        #expect(fixture.authenticate(other).refusal?.detail == "there is no such key \(id)")
    }

    @Test("a key that is revoked, expired or of a disabled tenant is refused with its own reason")
    func dead() throws {
        var fixture = Fixture(expiresAt: Fixture.now + 10)
        #expect(fixture.authenticate(fixture.keyText, now: fixture.now + 9).code == .ok)
        #expect(fixture.authenticate(fixture.keyText, now: fixture.now + 10).code == .keyExpired)
        fixture.key.revokedAt = fixture.now
        fixture.directory.put(fixture.key)
        #expect(fixture.authenticate(fixture.keyText).code == .keyRevoked)
        fixture.key.revokedAt = nil
        fixture.directory.put(fixture.key)
        var tenant = fixture.tenant
        tenant.isDisabled = true
        fixture.directory.put(tenant)
        #expect(fixture.authenticate(fixture.keyText).code == .tenantDisabled)
    }

    @Test("why a key is dead is not told to who knows only its id")
    func deadButWrong() throws {
        var fixture = Fixture()
        fixture.key.revokedAt = fixture.now
        fixture.key.secretHash = SecureRandom.bytes(32)
        fixture.directory.put(fixture.key)
        #expect(fixture.authenticate(fixture.keyText).code == .keyInvalid)
    }

    @Test("the operators' keys need no tenant record")
    func system() throws {
        let fixture = Fixture(role: .admin, owner: .system)
        let principal = try fixture.authenticate(fixture.keyText).get()
        #expect(principal.role == .admin)
        #expect(principal.scopes == [.admin, .modelsRead, .management])
    }

    @Test("both secrets of a rotated key count until the old one ends, under one id")
    func rotation() throws {
        var fixture = Fixture()
        let old = fixture.keyText
        let new = APIKeyFormat.generate(id: fixture.key.id)
        fixture.key.retiring = .init(hash: fixture.key.secretHash, endsAt: fixture.now + 10)
        fixture.key.secretHash = fixture.pepper.hash(secret: APIKeyFormat.parse(new.utf8)!.secret)
        fixture.directory.put(fixture.key)
        for text in [old, new] { #expect(fixture.authenticate(text, now: fixture.now + 9).code == .ok) }
        #expect(
            try fixture.authenticate(old).get().validUntil == fixture.now + 10,
            "what is cached ends with the secret"
        )
        #expect(try fixture.authenticate(new).get().validUntil == nil)
        let ended = fixture.authenticate(old, now: fixture.now + 10)
        #expect(ended.code == .keyExpired)
        #expect(fixture.authenticate(new, now: fixture.now + 10).code == .ok)
        fixture.key.retiring = nil
        fixture.directory.put(fixture.key)
        #expect(fixture.authenticate(old).code == .keyInvalid)
        #expect(fixture.authenticate(APIKeyFormat.generate(id: fixture.key.id)).code == .keyInvalid)
    }

    @Test("a deleted tenant's keys are refused at once, and count again once it is restored")
    func deletion() {
        let fixture = Fixture()
        var tenant = fixture.tenant
        tenant.deletesAt = fixture.now + 100
        fixture.directory.put(tenant)
        #expect(fixture.authenticate(fixture.keyText).code == .tenantDisabled)
        fixture.directory.put(fixture.tenant)
        #expect(fixture.authenticate(fixture.keyText).code == .ok)
    }

    @Test("a principal knows where it may come from, also by a token")
    func networks() throws {
        var fixture = Fixture()
        let inside = IPAddress("192.0.2.9")
        #expect(try fixture.authenticate(fixture.keyText).get().mayCome(from: nil))
        fixture.key.networks = [IPNetwork("192.0.2.0/24")!, IPNetwork("2001:db8::/32")!]
        fixture.directory.put(fixture.key)
        let principal = try fixture.authenticate(fixture.keyText).get()
        #expect(principal.mayCome(from: inside) && principal.mayCome(from: IPAddress("2001:db8::5")))
        #expect(!principal.mayCome(from: IPAddress("192.0.3.9")) && !principal.mayCome(from: nil))
    }

    @Test("a key of a tenant that does not exist is refused")
    func orphan() throws {
        let fixture = Fixture(owner: TenantID("ghost"))
        #expect(fixture.authenticate(fixture.keyText).code == .tenantDisabled)
    }
}
