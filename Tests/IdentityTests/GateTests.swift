// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto
import TestSupport
import Testing

@testable import Identity

/// Doors one and two: form, key and signature.
@Suite struct GateTests {
    let fixture = Fixture()

    @Test("a good token passes under every algorithm and every type that access tokens have")
    func good() throws {
        for algorithm in SignatureAlgorithm.allCases {
            for type in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", nil] {
                let token = try fixture.token(algorithm, header: Fixture.header(algorithm, type: type))
                #expect(fixture.gate(token).code == .ok, "\(algorithm) \(type ?? "none")")
            }
        }
    }

    @Test("Ed25519 signs under both of its names, and EdDSA is no name of another key's algorithm")
    func edwards() throws {
        let header = Fixture.header(.ed25519).with("alg", "EdDSA")
        #expect(try fixture.verify(fixture.token(.ed25519, header: header)).code == .ok)
        let another = header.with("kid", "ES256")
        #expect(try fixture.gate(fixture.token(.ed25519, header: another)).code == .tokenAlgorithm)
    }

    @Test("noise is refused and never more than that")
    func noise() throws {
        var random = SeededGenerator(seed: 42)
        let good = Array(try fixture.token().utf8)
        for _ in 0..<3000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let position = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[position] = .random(in: .min ... .max, using: &random)
                case 1: bytes.removeSubrange(position...)
                case 2: bytes.insert(UInt8(ascii: "."), at: position)
                default: bytes.insert(contentsOf: bytes[..<position].suffix(40), at: position)
                }
                if bytes.isEmpty { bytes = [46] }
            }
            if bytes != good { #expect(bytes.withUnsafeBytes { fixture.authenticator.gate($0) }.code != .ok) }
        }
    }

    @Test(
        "what is not three parts is malformed",
        arguments: ["", ".", "..", "...", "a", "a.b", "a..c", ".b.c", "e30.e30.", "e30.e30.AA.AA", "e30.e30.AA.AA.AA"]
    )
    func parts(token: String) {
        #expect(fixture.gate(token).code == .tokenMalformed)
    }

    @Test("a token over 8 KiB is refused unread")
    func size() throws {
        let long = JSON.string(String(repeating: "x", count: 8000))
        #expect(try fixture.gate(fixture.token(claims: fixture.claims.with("note", long))).code == .tokenTooLarge)
        #expect(fixture.gate(String(repeating: "A", count: 8193)).code == .tokenTooLarge)
        #expect(fixture.gate(String(repeating: "A", count: 8192)).code == .tokenMalformed)
        let fits = JSON.string(String(repeating: "x", count: 4000))
        #expect(try fixture.verify(fixture.token(claims: fixture.claims.with("note", fits))).code == .ok)
    }

    @Test("no algorithm but the key's is taken, in no other case and with no other key's kind")
    func algorithm() throws {
        for name in ["none", "None", "nOnE", "es256", "Es256", "ES257", "HS1", "eddsa", "", "ES256 "] {
            let header = Fixture.header(.es256).with("alg", .string(name))
            let token = try fixture.token(header: header)
            #expect(fixture.gate(token).code == .tokenAlgorithm, "\(name)")
            let unsigned = token[...token.lastIndex(of: ".")!]
            #expect(fixture.gate(String(unsigned)).code == .tokenAlgorithm, "\(name), no signature")
        }
        for header in [Fixture.header(.es256).with("alg", nil), Fixture.header(.es256).with("alg", 7)] {
            #expect(try fixture.gate(fixture.token(header: header)).code == .tokenMalformed)
        }
        for algorithm in SignatureAlgorithm.allCases where algorithm != .es256 {
            let header = Fixture.header(algorithm).with("kid", "ES256")
            #expect(try fixture.gate(fixture.token(algorithm, header: header)).code == .tokenAlgorithm)
        }
    }

    @Test("an HMAC under the public key in PEM is no signature")
    func publicKeyAsSecret() throws {
        let pem = Array(Fixture.signers[.rs256]!.publicPEM.utf8)
        let header = Fixture.header(.hs256).with("kid", "RS256")
        let signed =
            Base64URL.encode(header.serialized().utf8) + "." + Base64URL.encode(fixture.claims.serialized().utf8)
        let code = HMACSHA256(key: pem).authenticate(Array(signed.utf8))
        #expect(fixture.gate(signed + "." + Base64URL.encode(code)).code == .tokenAlgorithm)
    }

    @Test("the key must be named, be known, and be its issuer's")
    func key() throws {
        #expect(
            try fixture.gate(fixture.token(header: Fixture.header(.es256).with("kid", nil))).code == .tokenKeyUnknown
        )
        for kid in ["", "nobody", "../ES256", "ES256\u{0}", "es256", "outside"] {
            let header = Fixture.header(.es256).with("kid", .string(kid))
            #expect(try fixture.gate(fixture.token(header: header)).code == .tokenKeyUnknown, "\(kid)")
        }
        #expect(try fixture.gate(fixture.token(header: Fixture.header(.es256).with("kid", 1))).code == .tokenMalformed)
        // Rightly signed by the gateway's key, but in another issuer's name.
        let claims = fixture.claims.with("iss", "https://login.example")
        #expect(try fixture.gate(fixture.token(claims: claims)).code == .tokenKeyUnknown)
    }

    @Test("the issuer must be trusted, byte for byte")
    func issuer() throws {
        for name in ["https://evil.example", "https://gateway.example/", "https://Gateway.example", ""] {
            let token = try fixture.token(claims: fixture.claims.with("iss", .string(name)))
            #expect(fixture.gate(token).code == .tokenIssuer)
        }
        #expect(try fixture.gate(fixture.token(claims: fixture.claims.with("iss", nil))).code == .tokenClaims)
        #expect(
            try fixture.gate(fixture.token(claims: fixture.claims.with("iss", [.string(Fixture.issuerName)]))).code
                == .tokenClaims
        )
    }

    @Test("other kinds of JWT and extensions are refused; keys of the token's own choice are not looked at")
    func header() throws {
        for type in ["id_token", "logout+jwt", "JWE", "", "at+jwt "] {
            let header = Fixture.header(.es256, type: type)
            #expect(try fixture.gate(fixture.token(header: header)).code == .tokenMalformed, "\(type)")
        }
        let extensions: [(String, JSON)] = [("crit", ["exp"]), ("crit", []), ("b64", false), ("b64", true), ("typ", 1)]
        for (name, value) in extensions {
            let header = Fixture.header(.es256).with(name, value)
            #expect(try fixture.gate(fixture.token(header: header)).code == .tokenMalformed, "\(name)")
        }
        let attacker = try SigningKey.generate(.es256)
        for name in ["jku", "x5u", "jwk", "x5c"] {
            let header = Fixture.header(.es256).with(name, name == "jwk" ? attacker.publicJWK : "https://evil.example/")
            #expect(try fixture.verify(fixture.token(header: header)).code == .ok, "\(name)")
            let signed =
                Base64URL.encode(header.serialized().utf8) + "." + Base64URL.encode(fixture.claims.serialized().utf8)
            let forged = signed + "." + Base64URL.encode(try attacker.sign(Array(signed.utf8)))
            #expect(fixture.gate(forged).code == .tokenSignature, "\(name)")
        }
    }

    @Test("header and payload must each be one JSON object without duplicate names")
    func json() throws {
        let header = Fixture.header(.es256).serialized()
        let payload = fixture.claims.serialized()
        /// The object with more members before its own, or after.
        func before(_ members: String, _ object: String) -> String { "{" + members + "," + object.dropFirst() }
        func after(_ object: String, _ members: String) -> String { object.dropLast() + "," + members + "}" }
        let headers: [String] = [
            before(#""alg":"none""#, header), after(header, #""alg":"ES256""#), after(header, #""kid":"ES256""#),
            after(header, #""\u0061lg":"none""#), "[\(header)]", "\(header) x", "\(header)\(header)", "{", "\"ES256\"",
            "null", header.replacing("\"ES256\"", with: "'ES256'"),
        ]
        for header in headers {
            #expect(
                try fixture.gate(Fixture.token(header: header, payload: payload)).code == .tokenMalformed,
                "\(header)"
            )
        }
        let payloads: [String] = [
            after(payload, #""tenant":"other""#), after(payload, #""exp":99999999999"#), "[\(payload)]", "\(payload),",
            "hello", "", "7", "null", String(payload.dropLast()), payload.replacing("acme", with: "\u{1}"),
            #"{"a":"# + String(repeating: "[", count: 1000),
        ]
        for payload in payloads {
            #expect(
                try fixture.gate(Fixture.token(header: header, payload: payload)).code == .tokenMalformed,
                "\(header)"
            )
        }
        for payload in [
            String(payload.dropLast() + #","tenant":"other"}"#), String(payload.dropLast() + #","exp":99999999999}"#),
            "[\(payload)]", payload + ",", "hello", "", "7", "null", String(payload.dropLast()),
            payload.replacing("acme", with: "\u{1}"), #"{"a":"# + String(repeating: "[", count: 1000),
        ] {
            #expect(
                try fixture.gate(Fixture.token(header: header, payload: payload)).code == .tokenMalformed,
                "\(payload)"
            )
        }
        #expect(try fixture.gate(Fixture.token(header: " \(header)\n", payload: "\t\(payload)")).code == .ok)
    }

    @Test("a signature of the wrong length, key or algorithm is refused as a signature")
    func signature() throws {
        for algorithm in SignatureAlgorithm.allCases {
            let token = try fixture.token(algorithm)
            let signed = String(token[..<token.lastIndex(of: ".")!])
            let right = try Fixture.sign(signed, algorithm)
            for wrong in [
                Array(right.dropLast()), right + [0], [0] + right, right + right, [0],
                [UInt8](repeating: 0, count: right.count),
                [UInt8](repeating: 255, count: right.count), [UInt8](repeating: 1, count: 5000),
            ] {
                #expect(fixture.gate(signed + "." + Base64URL.encode(wrong)).code == .tokenSignature, "\(algorithm)")
            }
        }
        let other = try SigningKey.generate(.rs256)
        let signed = try fixture.token(.rs256)
        let text = String(signed[..<signed.lastIndex(of: ".")!])
        #expect(fixture.gate(text + "." + Base64URL.encode(try other.sign(Array(text.utf8)))).code == .tokenSignature)
    }

    @Test("what a stranger wrote reaches the detail cut and cleaned, and the sentence not at all")
    func untrustedText() throws {
        let evil = String(repeating: "Z\u{1b}[31m\n\"", count: 100)
        let tokens = try [
            fixture.token(header: Fixture.header(.es256).with("alg", .string(evil))),
            fixture.token(header: Fixture.header(.es256).with("kid", .string(evil))),
            fixture.token(header: Fixture.header(.es256).with("typ", .string(evil))),
            fixture.token(claims: fixture.claims.with("iss", .string(evil))),
        ]
        for token in tokens {
            let refusal = try #require(fixture.gate(token).refusal)
            #expect(!refusal.sentence.contains("Z\u{1b}") && !refusal.sentence.contains("Z?"))
            #expect(refusal.detail.contains("Z?[31m"))
            #expect(refusal.detail.utf8.count < 120)
            #expect(refusal.detail.unicodeScalars.allSatisfy { $0.value >= 0x20 })
        }
    }

    @Test("no description shows the token")
    func descriptions() throws {
        let token = try fixture.token()
        let gated = try fixture.gate(token).get()
        for text in ["\(gated)", String(reflecting: gated)] {
            #expect(!text.contains(token.suffix(20)))
            #expect(text.utf8.count < 100)
        }
    }
}
