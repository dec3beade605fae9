// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import GatewayCore
import GatewayCrypto
import Testing

extension VerificationKey {
    fileprivate func accepts(_ signature: [UInt8], over bytes: [UInt8]) -> Bool {
        let answer = signature.withUnsafeBytes { s in bytes.withUnsafeBytes { isValid(signature: s, over: $0) } }
        #expect(ERR_peek_error() == 0, "every check leaves the thread's error queue empty")
        return answer
    }
}

/// Expects a refusal with the code, and an empty error queue.
private func expectRefusal(
    _ code: CryptoError.Code,
    _ body: () throws -> Void,
    _ location: SourceLocation = #_sourceLocation
) {
    do {
        try body()
        Issue.record("was accepted", sourceLocation: location)
    } catch {
        #expect((error as? CryptoError)?.code == code, "\(error)", sourceLocation: location)
    }
    #expect(ERR_peek_error() == 0, sourceLocation: location)
}

@Suite struct KeyTests {
    static let keyPairs = SignatureAlgorithm.allCases.filter { !$0.rawValue.hasPrefix("HS") }

    @Test("a signature verifies with its key alone, unchanged alone, and in its exact length", arguments: keyPairs)
    func signature(algorithm: SignatureAlgorithm) throws {
        let key = try SigningKey.generate(algorithm)
        let message = Array("the message".utf8)
        let signature = try key.sign(message)
        #expect(signature.count == key.verificationKey.signatureLength)
        #expect(key.verificationKey.accepts(signature, over: message))
        #expect(!key.verificationKey.accepts(signature, over: message + [0]))
        #expect(!key.verificationKey.accepts(signature, over: []))
        for bit in stride(from: 0, to: signature.count * 8, by: 37) {
            var changed = signature
            changed[bit / 8] ^= 1 << (bit % 8)
            #expect(!key.verificationKey.accepts(changed, over: message))
        }
        for wrong in [[], Array(signature.dropLast()), signature + [0], [0] + signature, signature + signature] {
            #expect(!key.verificationKey.accepts(wrong, over: message))
        }
        #expect(!key.verificationKey.accepts([UInt8](repeating: 0, count: signature.count), over: message))
        #expect(try !SigningKey.generate(algorithm).verificationKey.accepts(signature, over: message))
    }

    @Test("a key comes back the same from PEM and from JWK", arguments: keyPairs)
    func formats(algorithm: SignatureAlgorithm) throws {
        let key = try SigningKey.generate(algorithm)
        let message: [UInt8] = [1, 2, 3]
        let again = try SigningKey(privatePEM: key.privatePEM, algorithm: algorithm)
        #expect(again.keyID == key.keyID)
        #expect(again.publicJWK == key.publicJWK)
        let signature = try again.sign(message)
        #expect(try VerificationKey(publicPEM: key.publicPEM, algorithm: algorithm).accepts(signature, over: message))
        let fromJWK = try VerificationKey(jwk: JSON.parse(key.publicJWK.serialized()))
        #expect(fromJWK.algorithm == algorithm)
        #expect(fromJWK.accepts(signature, over: message))
        #expect(fromJWK.pem == Array(key.publicPEM.utf8))
        #expect(key.publicJWK["kid"]?.string == key.keyID)
        #expect(key.publicJWK["d"] == nil)
        #expect(!"\(key)".contains("PRIVATE"))
        #expect(ERR_peek_error() == 0)
    }

    @Test("the thumbprint is that of RFC 7638, section 3.1")
    func thumbprint() throws {
        // The key of the RFC is public only; its thumbprint goes over the same three members that a JWK shows.
        let jwk = try SigningKey.generate(.rs256).publicJWK
        let members = ["e", "kty", "n"].map { "\"\($0)\":\"\(jwk[$0]!.string!)\"" }.joined(separator: ",")
        #expect(jwk["kid"]?.string == Base64URL.encode(SHA256.hash("{\(members)}".utf8)))
    }

    @Test(
        "HMAC secrets verify their codes and must be as long as the hash",
        arguments: [SignatureAlgorithm.hs256, .hs384, .hs512]
    )
    func secrets(algorithm: SignatureAlgorithm) throws {
        let length = [.hs256: 32, .hs384: 48, .hs512: 64][algorithm]!
        let key = try VerificationKey(secret: SecureRandom.bytes(length), algorithm: algorithm)
        #expect(key.signatureLength == length)
        #expect(!key.accepts([UInt8](repeating: 0, count: length), over: [1]))
        #expect(key.pem.isEmpty)
        expectRefusal(.keyTooShort) {
            _ = try VerificationKey(secret: SecureRandom.bytes(length - 1), algorithm: algorithm)
        }
        expectRefusal(.keyTooShort) { _ = try VerificationKey(secret: [], algorithm: algorithm) }
    }

    @Test("HS256 accepts the code of RFC 7515, appendix A.1")
    func rfc7515() throws {
        let secret = try #require(
            Base64URL.decode(
                "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow".utf8
            )
        )
        let signed =
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        let code = try #require(Base64URL.decode("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".utf8))
        let key = try VerificationKey(secret: secret, algorithm: .hs256)
        #expect(key.accepts(code, over: Array(signed.utf8)))
    }

    @Test("a public key is never an HMAC secret, in whatever spelling")
    func publicKeyAsSecret() throws {
        let key = try SigningKey.generate(.rs256)
        let body = key.publicPEM.split(separator: "\n").dropFirst().dropLast().joined()
        let der = try #require(
            Base64URL.decode(
                body.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "").utf8
            )
        )
        for secret in [Array(key.publicPEM.utf8), Array((" \n" + key.publicPEM).utf8), der, Array(key.privatePEM.utf8)]
        {
            expectRefusal(.keyUnfit) { _ = try VerificationKey(secret: secret, algorithm: .hs256) }
        }
        expectRefusal(.keyUnfit) { _ = try VerificationKey(publicPEM: key.publicPEM, algorithm: .hs256) }
        expectRefusal(.keyUnfit) { _ = try VerificationKey(secret: SecureRandom.bytes(64), algorithm: .rs256) }
        expectRefusal(.keyUnfit) { _ = try SigningKey.generate(.hs256) }
    }

    @Test("a key of another kind or curve is refused")
    func wrongKind() throws {
        let rsa = try SigningKey.generate(.rs256).publicPEM
        let p256 = try SigningKey.generate(.es256).publicPEM
        let p384 = try SigningKey.generate(.es384).publicPEM
        let edwards = try SigningKey.generate(.ed25519).publicPEM
        let pairs: [(String, SignatureAlgorithm)] = [
            (rsa, .es256), (rsa, .ed25519), (p256, .rs256), (p256, .ps256), (p256, .es384), (p384, .es256),
            (p384, .es512), (edwards, .es256), (edwards, .rs256),
        ]
        for (pem, algorithm) in pairs {
            expectRefusal(.keyUnfit) { _ = try VerificationKey(publicPEM: pem, algorithm: algorithm) }
        }
    }

    @Test("RSA keys under 2048 bits are refused")
    func shortRSA() throws {
        let pem = try #require(shortRSAKey(bits: 1024))
        expectRefusal(.keyTooShort) { _ = try SigningKey(privatePEM: pem, algorithm: .rs256) }
    }

    @Test("what is no key in PEM is refused, and an encrypted one asks for no passphrase")
    func noKey() throws {
        let key = try SigningKey.generate(.es256)
        for text in ["", "hello", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", key.privatePEM] {
            expectRefusal(.keyMalformed) { _ = try VerificationKey(publicPEM: text, algorithm: .es256) }
        }
        for text in ["", key.publicPEM, try #require(encrypted(key.privatePEM))] {
            expectRefusal(.keyMalformed) { _ = try SigningKey(privatePEM: text, algorithm: .es256) }
        }
    }

    @Test("a JWK that is secret, meant for something else, or not quite a key is refused")
    func unfitJWK() throws {
        let good = try #require(SigningKey.generate(.es256).publicJWK.members)
        func with(_ name: String, _ value: JSON?) -> JSON {
            .object(good.filter { $0.name != name } + (value.map { [JSON.Member(name, $0)] } ?? []))
        }
        _ = try VerificationKey(jwk: with("x5u", "https://elsewhere.example/"))
        _ = try VerificationKey(jwk: with("key_ops", ["verify"]))
        for given in [nil, SignatureAlgorithm.es256] {
            #expect(try VerificationKey(jwk: with("alg", nil), algorithm: given).algorithm == .es256)
        }
        for jwk in [
            with("d", "AAAA"), with("use", "enc"), with("use", 1), with("key_ops", ["encrypt"]),
            with("key_ops", "verify"),
            with("alg", "ES521"), with("alg", "es256"), with("alg", "HS256"), with("alg", "ES384"),
            with("kty", "RSA"), with("crv", "P-384"), with("kty", nil),
        ] {
            expectRefusal(.keyUnfit) { _ = try VerificationKey(jwk: jwk) }
        }
        expectRefusal(.keyUnfit) { _ = try VerificationKey(jwk: with("alg", "ES256"), algorithm: .es384) }
        let offCurve = JSON.string(Base64URL.encode([UInt8](repeating: 1, count: 32)))
        for jwk in [
            with("x", offCurve), with("x", "AAAA"), with("x", nil), with("y", 7), with("x", "===="),
        ] {
            expectRefusal(.keyMalformed) { _ = try VerificationKey(jwk: jwk) }
        }
        expectRefusal(.keyMalformed) { _ = try VerificationKey(jwk: ["a", "list"]) }
        expectRefusal(.keyUnfit) {
            _ = try VerificationKey(jwk: [
                "kty": "oct", "alg": "HS256", "k": .string(Base64URL.encode(SecureRandom.bytes(32))),
            ])
        }
    }

    @Test("RSA numbers of a JWK are checked")
    func weakRSAJWK() throws {
        func jwk(n: [UInt8], e: [UInt8]) -> JSON {
            ["kty": "RSA", "alg": "RS256", "n": .string(Base64URL.encode(n)), "e": .string(Base64URL.encode(e))]
        }
        let text = try #require(SigningKey.generate(.rs256).publicJWK["n"]?.string)
        let modulus = try #require(Base64URL.decode(text.utf8))
        _ = try VerificationKey(jwk: jwk(n: modulus, e: [1, 0, 1]))
        for exponent: [UInt8] in [[], [0], [1], [2]] {
            expectRefusal(.keyMalformed) { _ = try VerificationKey(jwk: jwk(n: modulus, e: exponent)) }
        }
        expectRefusal(.keyTooShort) { _ = try VerificationKey(jwk: jwk(n: Array(modulus[..<128]), e: [1, 0, 1])) }
    }

    @Test("one public key serves many threads at once", arguments: [SignatureAlgorithm.rs256, .es256, .ed25519])
    func threads(algorithm: SignatureAlgorithm) async throws {
        let key = try SigningKey.generate(algorithm)
        let signature = try key.sign([1, 2, 3])
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    (0..<50).allSatisfy { _ in
                        key.verificationKey.accepts(signature, over: [1, 2, 3])
                            && !key.verificationKey.accepts(signature, over: [1, 2, 4])
                    }
                }
            }
            for await right in group { #expect(right) }
        }
    }

    // MARK: - Keys that SigningKey would not make

    private func shortRSAKey(bits: UInt32) -> String? {
        guard let context = EVP_PKEY_CTX_new_from_name(nil, "RSA", nil) else { return nil }
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_CTX_set_rsa_keygen_bits(context, Int32(bits)) == 1,
            EVP_PKEY_generate(context, &key) == 1
        else { return nil }
        defer { EVP_PKEY_free(key) }
        return pem { PEM_write_bio_PKCS8PrivateKey($0, key, nil, nil, 0, nil, nil) }
    }

    private func encrypted(_ privatePEM: String) -> String? {
        let source = BIO_new(BIO_s_mem())
        defer { BIO_free(source) }
        BIO_puts(source, privatePEM)
        let key = tg_read_private_pem(source)
        defer { EVP_PKEY_free(key) }
        return pem { PEM_write_bio_PKCS8PrivateKey($0, key, EVP_aes_128_cbc(), "secret", 6, nil, nil) }
    }

    private func pem(_ write: (OpaquePointer?) -> Int32) -> String? {
        let bio = BIO_new(BIO_s_mem())
        defer { BIO_free(bio) }
        guard write(bio) == 1 else { return nil }
        var start: UnsafePointer<UInt8>?
        let count = tg_bio_contents(bio, &start)
        return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }
}
