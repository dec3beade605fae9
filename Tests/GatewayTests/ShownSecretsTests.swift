// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

@testable import Gateway

@Suite struct ShownSecretsTests {
    private let now = UnixTime(seconds: 1_800_000_000)
    private let secret = "tg_live_Ab3dE6gH_" + String(repeating: "x", count: 49)

    @Test func `a text is told again to the same call, for ten minutes`() {
        let secrets = ShownSecrets()
        secrets.remember(secret, of: Array("admin\nkey-1".utf8), now: now)
        #expect(secrets.text(of: Array("admin\nkey-1".utf8), now: now + 599) == secret)
        #expect(secrets.text(of: Array("admin\nkey-2".utf8), now: now) == nil)
        #expect(secrets.text(of: Array("other\nkey-1".utf8), now: now) == nil)
        #expect(secrets.text(of: Array("admin\nkey-1".utf8), now: now + 600) == nil)
    }

    @Test func `a text is in memory only as what its call's key opens`() {
        let secrets = ShownSecrets()
        secrets.remember(secret, of: Array("admin\nkey-1".utf8), now: now)
        var dumped = ""
        dump(secrets, to: &dumped)
        #expect(!dumped.contains("tg_live_") && !dumped.contains("key-1"))
    }

    @Test func `what is over makes room, and many calls at once leave the newest`() {
        let secrets = ShownSecrets()
        for number in 0..<10_050 { secrets.remember(secret, of: Array("a\n\(number)".utf8), now: now) }
        #expect(secrets.text(of: Array("a\n0".utf8), now: now) == nil)
        #expect(secrets.text(of: Array("a\n10049".utf8), now: now) == secret)
        secrets.remember(secret, of: Array("b".utf8), now: now + 700)
        #expect(secrets.text(of: Array("b".utf8), now: now + 700) == secret)
    }
}
