// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto
import TestSupport
import Testing

@testable import Identity

/// Key sets as issuers publish them, and as nobody should.
@Suite struct JWKSParseTests {
    static let asymmetric = SignatureAlgorithm.allCases.filter { !$0.rawValue.hasPrefix("HS") }

    private func jwk(_ algorithm: SignatureAlgorithm, _ kid: String? = nil) -> JSON {
        Fixture.signers[algorithm]!.publicJWK.with("kid", .string(kid ?? algorithm.rawValue))
    }

    private func read(
        _ keys: [JSON],
        _ algorithms: [SignatureAlgorithm] = asymmetric
    ) throws(JSONWebKeySet.ReadError) -> JSONWebKeySet {
        try JSONWebKeySet(
            parsing: Array(JSON.object([JSON.Member("keys", .array(keys))]).serialized().utf8),
            algorithms: algorithms
        )
    }

    /// Why the only other key beside a good one is left out.
    private func reason(_ entry: JSON, _ algorithms: [SignatureAlgorithm] = asymmetric) throws -> String {
        let set = try read([jwk(.es256, "good"), entry], algorithms)
        #expect(Set(set.keys.keys) == ["good"])
        return try #require(set.skipped.first).reason
    }

    @Test func `a key of every algorithm verifies what its signer signed`() throws {
        let set = try read(Self.asymmetric.map { jwk($0) })
        #expect(set.keys.count == Self.asymmetric.count && set.skipped.isEmpty)
        for algorithm in Self.asymmetric {
            let key = try #require(set.keys[algorithm.rawValue])
            let signature = try Fixture.sign("text", algorithm)
            #expect(key.algorithm == algorithm)
            #expect(
                signature.withUnsafeBytes { s in
                    Array("text".utf8).withUnsafeBytes { key.isValid(signature: s, over: $0) }
                }
            )
        }
    }

    @Test func `a key without alg is for what its curve says, or for the operator's first RSA algorithm`() throws {
        for algorithm in [SignatureAlgorithm.es256, .es384, .es512, .ed25519] {
            let set = try read([jwk(algorithm, "k").with("alg", nil)])
            #expect(set.keys["k"]?.algorithm == algorithm)
        }
        let rsa = jwk(.rs256, "k").with("alg", nil)
        #expect(try read([rsa], [.es256, .ps384, .rs256]).keys["k"]?.algorithm == .ps384)
        #expect(try read([rsa], [.rs256, .ps384]).keys["k"]?.algorithm == .rs256)
        #expect(try reason(rsa, [.es256]).contains("no algorithm"))
    }

    @Test func `an algorithm that the operator does not accept is left out`() throws {
        #expect(try reason(jwk(.rs256), [.es256]).contains("\"RS256\" is not among"))
        for name in ["none", "HS256", "es256", "eddsa", "RSA-OAEP", ""] {
            #expect(try reason(jwk(.es256, "k").with("alg", .string(name))).contains("not among"))
        }
    }

    @Test func `an Ed25519 key that goes by its older name is taken, and no other kind of key is by that name`() throws
    {
        #expect(try read([jwk(.ed25519, "k").with("alg", "EdDSA")]).keys["k"]?.algorithm == .ed25519)
        #expect(try reason(jwk(.ed25519, "k").with("alg", "EdDSA"), [.es256]).contains("\"EdDSA\" is not among"))
        #expect(try reason(jwk(.es256, "k").with("alg", "EdDSA")).contains("kty"))
    }

    @Test func `keys for other purposes are left out`() throws {
        #expect(try reason(jwk(.es256, "k").with("use", "enc")).contains("use"))
        #expect(try reason(jwk(.es256, "k").with("use", 1)).contains("use"))
        #expect(try reason(jwk(.es256, "k").with("key_ops", ["sign"])).contains("key_ops"))
        #expect(try reason(jwk(.es256, "k").with("key_ops", "verify")).contains("key_ops"))
        let both = jwk(.es256, "k").with("use", nil).with("key_ops", ["verify"])
        #expect(try read([both]).keys["k"] != nil)
    }

    @Test func `kinds of keys that are not known are left out, and so is what is no key`() throws {
        #expect(
            try reason(["kty": "oct", "kid": "k", "k": "AAAA", "alg": "HS256"]).contains("\"oct\" is not supported")
        )
        #expect(try reason(["kty": "AKP", "kid": "k", "alg": "ML-DSA-44"]).contains("not supported"))
        #expect(try reason(["kid": "k"]).contains("kty"))
        for entry: JSON in ["text", 1, .null, [], true] { #expect(try reason(entry).contains("object")) }
        #expect(try reason(jwk(.es256, "k").with("crv", "secp256k1").with("alg", nil)).contains("no algorithm"))
    }

    @Test func `a key must have a name`() throws {
        for kid: JSON? in [nil, "", 1, .null, .string(String(repeating: "k", count: 257))] {
            #expect(try reason(jwk(.es256).with("kid", kid)).contains("kid"))
        }
    }

    @Test func `private members, weak keys and points off the curve are left out`() throws {
        for member in ["d", "p", "k", "oth"] {
            #expect(try reason(jwk(.rs256, "k").with(member, "AQAB")).contains("secret"))
        }
        let x = try #require(jwk(.es256)["x"])
        #expect(try reason(jwk(.es256, "k").with("y", x)).isEmpty == false)
        let small = Base64URL.encode([UInt8](repeating: 0xff, count: 128))
        #expect(try reason(jwk(.rs256, "k").with("n", .string(small))).isEmpty == false)
        #expect(try reason(jwk(.rs256, "k").with("n", nil)).contains("\"n\""))
    }

    @Test func `two different keys of one name are both left out; the same key twice is one`() throws {
        let other = try SigningKey.generate(.es256).publicJWK.with("kid", "k")
        let set = try read([jwk(.es256, "k"), other, jwk(.es384, "fine")])
        #expect(Set(set.keys.keys) == ["fine"])
        #expect(set.skipped.map(\.index) == [1])
        #expect(set.skipped[0].reason.contains("same \"kid\""))
        #expect(try read([jwk(.es256, "k"), jwk(.es256, "k")]).keys.count == 1)
        // Also when the first comes back behind the second.
        #expect(Set(try read([jwk(.es256, "k"), other, jwk(.es256, "k"), jwk(.es384, "fine")]).keys.keys) == ["fine"])
    }

    @Test func `what is no key set is refused whole`() throws {
        for text in [
            "", "null", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[]}", "<html>", "{\"keys\":[{}]}", "{\"keys\":[]",
            "\u{feff}{}",
            "{\"keys\":[],\"keys\":[]}",
        ] {
            #expect(throws: JSONWebKeySet.ReadError.self) {
                try JSONWebKeySet(parsing: Array(text.utf8), algorithms: Self.asymmetric)
            }
        }
        #expect(throws: JSONWebKeySet.ReadError.self) { try read((0...100).map { jwk(.ed25519, "\($0)") }) }
        let long = Array(repeating: UInt8(ascii: " "), count: JSONWebKeySet.maximumLength + 1)
        #expect(throws: JSONWebKeySet.ReadError.self) { try JSONWebKeySet(parsing: long, algorithms: Self.asymmetric) }
    }

    @Test func `unknown members do no harm`() throws {
        let entry = jwk(.es256, "k").with("x5c", ["MIIB"]).with("x5t", "abc").with("x5u", "https://evil.example/").with(
            "exp",
            1
        )
        #expect(try read([entry]).keys["k"] != nil)
    }

    @Test func `no change of a few bytes yields a key that was not there`() throws {
        let keys = [jwk(.rs256), jwk(.es256), jwk(.ed25519)]
        let good = Array(JSON.object([JSON.Member("keys", .array(keys))]).serialized().utf8)
        let known = try JSONWebKeySet(parsing: good, algorithms: Self.asymmetric).keys
        var random = SeededGenerator(seed: 17)
        var taken = 0
        for _ in 0..<400 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let position = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[position] = .random(in: .min ... .max, using: &random)
                case 1: bytes.removeSubrange(position..<min(position + 3, bytes.count))
                default: bytes.insert(contentsOf: bytes[..<position].suffix(30), at: position)
                }
                if bytes.isEmpty { bytes = [123] }
            }
            guard let set = try? JSONWebKeySet(parsing: bytes, algorithms: Self.asymmetric) else { continue }
            taken += 1
            #expect(!set.keys.isEmpty && set.keys.count + set.skipped.count >= 1)
            // A point off its curve is no key; a changed RSA modulus or Ed25519 key still is one, but never the old one's equal.
            for (id, key) in set.keys where key.algorithm == .es256 && known[id] != nil {
                #expect(known[id]?.isSame(as: key) == true)
            }
        }
        #expect(taken > 50)
    }
}
