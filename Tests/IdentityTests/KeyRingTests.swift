// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto
import Synchronization
import TestSupport
import Testing

@testable import Identity

/// The ring of signing keys under a clock of the tests' own.
@Suite struct KeyRingTests {
    static let policy = RotationPolicy(
        algorithm: .es256,
        period: 30 * 86_400,
        publication: 3600,
        tokenLifetime: 900,
        leeway: 30
    )
    static let start = UnixTime(seconds: 1_800_000_000)

    private func ring(_ policy: RotationPolicy = policy) throws -> SigningKeyRing {
        try SigningKeyRing(policy: policy, now: Self.start)
    }

    @Test("a new ring signs at once, and has the next key published")
    func new() throws {
        let ring = try ring()
        #expect(ring.keys.map(\.state) == [.current, .next])
        #expect(ring.current.signsSince == Self.start && ring.next.signsSince == nil)
        let published = try #require(ring.publicSet["keys"]?.array)
        #expect(published.map { $0["kid"]?.string } == ring.keys.map(\.key.keyID))
        for key in published {
            #expect(key["use"] == "sig" && key["alg"] == "ES256" && key["kty"] == "EC")
            for secret in ["d", "p", "q", "dp", "dq", "qi", "k"] { #expect(key[secret] == nil) }
        }
        #expect(Set(ring.verificationKeys.keys) == Set(ring.keys.map(\.key.keyID)))
    }

    @Test("time lets the next key sign, and the last one go when its last token has ended")
    func schedule() throws {
        var ring = try ring()
        let (first, second) = (ring.current.key.keyID, ring.next.key.keyID)
        let end = Self.start + Self.policy.period
        #expect(!ring.isDue(Self.policy, now: end + -1))
        #expect(try !ring.advance(Self.policy, now: end + -1))
        #expect(ring.isDue(Self.policy, now: end))
        #expect(try ring.advance(Self.policy, now: end))
        #expect(ring.keys.map(\.state) == [.retiring, .current, .next])
        #expect(ring.current.key.keyID == second && ring.keys[0].key.keyID == first)
        #expect(ring.verificationKeys[first] != nil)

        let lastToken = end + (Self.policy.tokenLifetime + Self.policy.leeway)
        #expect(try !ring.advance(Self.policy, now: lastToken))
        #expect(ring.verificationKeys[first] != nil)
        #expect(try !ring.advance(Self.policy, now: lastToken + 10))
        #expect(ring.keys.map(\.state) == [.current, .next])
        #expect(ring.verificationKeys[first] == nil)
    }

    @Test("a command lets the next key sign only when others can know it, unless it must be at once")
    func command() throws {
        var ring = try ring()
        let moment = Self.start + Self.policy.publication
        #expect(throws: SigningKeyError.tooEarly(moment)) { try ring.rotate(Self.policy, now: moment + -1) }
        #expect(ring.keys.map(\.state) == [.current, .next])
        try ring.rotate(Self.policy, now: moment)
        #expect(ring.keys.map(\.state) == [.retiring, .current, .next])
        #expect(throws: SigningKeyError.tooEarly(moment + Self.policy.publication)) {
            try ring.rotate(Self.policy, now: moment)
        }
        try ring.rotate(Self.policy, now: moment, immediately: true)
        #expect(ring.keys.map(\.state) == [.retiring, .retiring, .current, .next])
    }

    @Test("another algorithm is published first, then signs, and the tokens before it still count")
    func algorithm() throws {
        var ring = try ring()
        let first = ring.current.key.keyID
        var policy = Self.policy
        policy.algorithm = .ed25519
        let change = Self.start + 100_000
        #expect(ring.isDue(policy, now: change))
        #expect(try !ring.advance(policy, now: change))
        #expect(ring.keys.map(\.key.algorithm) == [.es256, .ed25519])
        #expect(try !ring.advance(policy, now: change + (policy.publication - 1)))
        #expect(try ring.advance(policy, now: change + policy.publication))
        #expect(ring.keys.map(\.key.algorithm) == [.es256, .ed25519, .ed25519])
        #expect(ring.verificationKeys[first] != nil)
    }

    @Test("a key stays for the longest token it may have signed, also when tokens live shorter now")
    func lifetime() throws {
        var ring = try ring()
        var policy = Self.policy
        policy.tokenLifetime = 7200
        #expect(ring.isDue(policy, now: Self.start))
        _ = try ring.advance(policy, now: Self.start)
        policy.tokenLifetime = 60
        #expect(!ring.isDue(policy, now: Self.start))
        try ring.rotate(policy, now: Self.start + 3600)
        #expect(ring.keys[0].verifiesUntil == Self.start + 3600 + 7200 + 30 + 10)
        try ring.rotate(policy, now: Self.start + 7200)
        #expect(ring.keys[1].verifiesUntil == Self.start + 7200 + 60 + 30 + 10)
    }

    @Test("whatever comes, each token verifies for all its life with what was published a cache's time before it")
    func anyOrder() throws {
        var random = SeededGenerator(seed: 20)
        for _ in 0..<20 {
            var ring = try ring()
            var now = Self.start
            /// Every published set by its time, and every token by its key and its end.
            var sets: [(time: UnixTime, keys: Set<String>)] = []
            var tokens: [(minted: UnixTime, kid: String, end: UnixTime)] = []
            for _ in 0..<60 {
                now = now + Int64.random(in: 1...4000, using: &random)
                if Bool.random(using: &random) {
                    try? ring.rotate(Self.policy, now: now)
                } else {
                    _ = try ring.advance(Self.policy, now: now)
                }
                sets.append((now, Set(ring.verificationKeys.keys)))
                tokens.append((now, ring.current.key.keyID, now + (Self.policy.tokenLifetime + Self.policy.leeway)))
                #expect(Set(ring.keys.map(\.key.keyID)).count == ring.keys.count)
                #expect(ring.keys.suffix(2).map(\.state) == [.current, .next])
            }
            for token in tokens where token.minted > Self.start + 4000 {
                let cached = sets.last { $0.time <= token.minted + -Self.policy.publication }
                #expect(cached?.keys.contains(token.kid) != false)
                for set in sets where set.time >= token.minted && set.time < token.end {
                    #expect(set.keys.contains(token.kid))
                }
            }
        }
    }

    // MARK: - Between two runs

    @Test("a ring is read as it was written", arguments: [SignatureAlgorithm.es256, .rs256, .ed25519])
    func stored(algorithm: SignatureAlgorithm) throws {
        var policy = Self.policy
        policy.algorithm = algorithm
        var ring = try ring(policy)
        try ring.rotate(policy, now: Self.start + 3600)
        let read = try SigningKeyRing(stored: ring.stored)
        #expect(read.stored == ring.stored)
        #expect(read.keys.map(\.state) == ring.keys.map(\.state))
        #expect(read.publicSet == ring.publicSet)
        let bytes = Array("a token".utf8)
        let signature = try read.current.key.sign(bytes)
        let verifies = signature.withUnsafeBytes { signature in
            bytes.withUnsafeBytes {
                ring.verificationKeys[read.current.key.keyID]?.isValid(signature: signature, over: $0)
            }
        }
        #expect(verifies == true)
    }

    @Test("what was not written so is refused, and never quoted")
    func damaged() throws {
        var ring = try ring()
        try ring.rotate(Self.policy, now: Self.start + 3600)
        let good = try JSON.parse(ring.stored)
        let keys = try #require(good["keys"]?.array)
        func with(_ index: Int, _ name: String, _ value: JSON?) -> JSON {
            var changed = keys
            changed[index] = changed[index].with(name, value)
            return ["keys": .array(changed)]
        }
        var bad: [JSON] = [
            [:], ["keys": []], ["keys": "x"], ["keys": .array([keys[0]])], ["keys": .array(keys.reversed())],
            ["keys": .array(keys + [keys[2]])], ["keys": .array([keys[1], keys[1]])],
            with(0, "private_key", keys[1]["private_key"]), with(1, "private_key", "secret-material"),
            with(1, "algorithm", "ES384"), with(1, "algorithm", "none"), with(1, "token_seconds", -1),
            with(2, "signs_since", keys[1]["signs_since"]), with(1, "created_at", "yesterday"),
            with(1, "state", "lost"), with(1, "kid", "another"),
        ]
        for name in ["kid", "algorithm", "state", "created_at", "signs_since", "private_key", "token_seconds"] {
            bad.append(with(1, name, nil))
        }
        bad.append(with(0, "verifies_until", nil))
        for text in bad {
            do {
                _ = try SigningKeyRing(stored: Array(text.serialized().utf8))
                Issue.record("taken: \(text.serialized().prefix(300))")
            } catch {
                #expect(!"\(error)".contains("-----BEGIN") && !"\(error)".contains("secret-material"))
            }
        }
        var random = SeededGenerator(seed: 21)
        for _ in 0..<300 {
            var bytes = ring.stored
            bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
            // Read or refused; a flipped bit must never end the process or swap a key.
            if let read = try? SigningKeyRing(stored: bytes) {
                #expect(read.keys.map(\.key.keyID) == ring.keys.map(\.key.keyID))
            }
        }
        #expect(throws: SigningKeyError.self) { try SigningKeyRing(stored: []) }
    }

    // MARK: - While it runs

    @Test("takers hear of each change in order, after it is kept; what is not kept changes nothing")
    func running() throws {
        struct Full: Error {}
        let heard = Mutex<[String]>([])
        let disk = Mutex((ring: try ring(), isFull: false))
        let keys = SigningKeys(ring: disk.withLock { $0.ring }, policy: Self.policy) { change in
            try disk.withLock { disk in
                var ring = disk.ring
                try change(&ring)
                if disk.isFull { throw Full() }
                disk.ring = ring
                heard.withLock { $0.append("kept") }
            }
        }
        keys.hand { _ in heard.withLock { $0.append("verifier") } }
        keys.hand { _ in heard.withLock { $0.append("signer") } }
        let next = keys.ring.next.key.keyID
        #expect(try !keys.advance(now: Self.start))
        #expect(try keys.advance(now: Self.start + Self.policy.period))
        #expect(heard.withLock { $0 } == ["verifier", "signer", "kept", "verifier", "signer"])
        #expect(keys.ring.current.key.keyID == next)
        #expect(disk.withLock { $0.ring.stored } == keys.ring.stored)
        #expect(try JSON.parse(keys.publicSet) == keys.ring.publicSet)

        disk.withLock { $0.isFull = true }
        let before = keys.ring.stored
        #expect(throws: Full.self) {
            try keys.rotate(now: Self.start + 2 * Self.policy.period, immediately: true)
        }
        #expect(keys.ring.stored == before)
        #expect(heard.withLock { $0.count } == 5)
    }

    @Test("no description holds a key")
    func secrecy() throws {
        let ring = try ring()
        #expect("\(ring.current)" == "current SigningKey(ES256, kid \(ring.current.key.keyID))")
    }
}
