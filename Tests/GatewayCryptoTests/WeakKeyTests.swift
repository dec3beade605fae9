// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import GatewayCore
import GatewayCrypto
import Testing

/// Keys that are well-formed and prove nothing, and public keys in clothes that have fooled others.
@Suite struct WeakKeyTests {
    private func refusal(_ body: () throws -> Void) -> CryptoError.Code? {
        do {
            try body()
            return nil
        } catch {
            #expect(ERR_peek_error() == 0)
            return (error as? CryptoError)?.code
        }
    }

    // MARK: - Edwards

    private static func edwards(_ x: [UInt8], algorithm: String = "EdDSA") -> JSON {
        ["kty": "OKP", "crv": "Ed25519", "alg": .string(algorithm), "x": .string(Base64URL.encode(x))]
    }

    /// y = 0, 1 and -1, each as it is and not reduced, and the four points of order 8; both signs of x.
    private static let pointsOfLowOrder: [[UInt8]] = {
        let texts = [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        ]
        return texts.flatMap { text -> [[UInt8]] in
            let digits = Array(text)
            let bytes = stride(from: 0, to: 64, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16)! }
            return [bytes, bytes.dropLast() + [bytes[31] | 0x80]]
        }
    }()

    @Test("an Ed25519 key of low order, under which anybody can sign, is refused", arguments: pointsOfLowOrder)
    func lowOrder(x: [UInt8]) throws {
        #expect(refusal { _ = try VerificationKey(jwk: Self.edwards(x)) } == .keyMalformed)
    }

    @Test("libcrypto by itself takes a signature that nobody made under such a key: the check is needed")
    func lowOrderIsDangerous() {
        // The identity as key and as R, with S = 0, fits every message.
        let one = [1] + [UInt8](repeating: 0, count: 31)
        let key = EVP_PKEY_new_raw_public_key_ex(nil, "ED25519", nil, one, 32)
        let context = EVP_MD_CTX_new()
        defer {
            EVP_MD_CTX_free(context)
            EVP_PKEY_free(key)
            ERR_clear_error()
        }
        #expect(EVP_DigestVerifyInit_ex(context, nil, nil, nil, nil, key, nil) == 1)
        let signature = one + [UInt8](repeating: 0, count: 32)
        #expect(EVP_DigestVerify(context, signature, 64, [1, 2, 3], 3) == 1)
    }

    @Test("Ed25519 goes by both of its names, and no other Edwards curve by either")
    func edwardsNames() throws {
        let key = try SigningKey.generate(.ed25519)
        let x = try #require(key.publicJWK["x"]?.string.flatMap { Base64URL.decode($0.utf8) })
        for name in ["EdDSA", "Ed25519"] {
            #expect(try VerificationKey(jwk: Self.edwards(x, algorithm: name)).algorithm == .ed25519)
        }
        for name in ["Eddsa", "EDDSA", "ed25519", "Ed448", "ES256"] {
            #expect(refusal { _ = try VerificationKey(jwk: Self.edwards(x, algorithm: name)) } == .keyUnfit)
        }
        for curve in ["Ed448", "X25519", "P-256", "ed25519"] {
            let jwk: JSON = [
                "kty": "OKP", "crv": .string(curve), "alg": "EdDSA", "x": .string(Base64URL.encode(x)),
            ]
            #expect(refusal { _ = try VerificationKey(jwk: jwk) } == .keyUnfit)
        }
        #expect(SignatureAlgorithm(jose: "EdDSA") == .ed25519)
        for algorithm in SignatureAlgorithm.allCases {
            #expect(SignatureAlgorithm(jose: algorithm.rawValue) == algorithm)
        }
        for name in ["", "none", "es256", "ES256K", "RS1", "\u{212a}", "ES256\u{0}"] {
            #expect(SignatureAlgorithm(jose: name) == nil)
        }
    }

    @Test("a curve names its algorithm where the JWK does not, and RSA does not")
    func algorithmOfCurve() throws {
        for algorithm in [SignatureAlgorithm.es256, .es384, .es512, .ed25519, .rs256] {
            let members = try SigningKey.generate(algorithm).publicJWK.members ?? []
            let jwk = JSON.object(members.filter { $0.name != "alg" })
            if algorithm == .rs256 {
                #expect(refusal { _ = try VerificationKey(jwk: jwk) } == .keyUnfit)
                #expect(try VerificationKey(jwk: jwk, algorithm: .ps256).algorithm == .ps256)
            } else {
                #expect(try VerificationKey(jwk: jwk).algorithm == algorithm)
                #expect(refusal { _ = try VerificationKey(jwk: jwk, algorithm: .rs256) } == .keyUnfit)
            }
        }
    }

    @Test("a coordinate without its leading zeros is the same number, and one that is too long is none")
    func shortCoordinate() throws {
        // Of P-521's coordinates every other one begins with a zero.
        for _ in 0..<64 {
            let key = try SigningKey.generate(.es512)
            let members = key.publicJWK.members ?? []
            func with(_ change: ([UInt8]) -> [UInt8]) -> JSON {
                .object(
                    members.map { member in
                        guard member.name == "x", let bytes = Base64URL.decode((member.value.string ?? "").utf8) else {
                            return member
                        }
                        return JSON.Member("x", .string(Base64URL.encode(change(bytes))))
                    }
                )
            }
            #expect(refusal { _ = try VerificationKey(jwk: with { [0] + $0 }) } == .keyMalformed)
            #expect(refusal { _ = try VerificationKey(jwk: with { Array($0.dropLast()) }) } == .keyMalformed)
            let short = with { Array($0.drop { $0 == 0 }) }
            guard short != key.publicJWK else { continue }
            #expect(try VerificationKey(jwk: short).pem == key.verificationKey.pem)
            return
        }
        Issue.record("no key of 64 has a coordinate with a leading zero")
    }

    // MARK: - RSA

    @Test("an RSA exponent of more than 64 bits is refused")
    func longExponent() throws {
        let jwk = try SigningKey.generate(.rs256).publicJWK
        func with(_ exponent: [UInt8]) -> JSON {
            let e = JSON.string(Base64URL.encode(exponent))
            return .object((jwk.members ?? []).map { $0.name == "e" ? JSON.Member("e", e) : $0 })
        }
        _ = try VerificationKey(jwk: with([255, 255, 255, 255, 255, 255, 255, 255]))
        for count in [9, 32, 255] {
            let long = with([1] + [UInt8](repeating: 255, count: count - 1))
            #expect(refusal { _ = try VerificationKey(jwk: long) } == .keyMalformed)
        }
    }

    // MARK: - Curves

    @Test("explicit parameters with a generator of the attacker's choice are no named curve (CVE-2020-0601)")
    func explicitCurve() throws {
        // Twice the generator generates the same group, of prime order.
        for factor: UInt in [1, 2] {
            let pem = explicitP256(generatorTimes: factor)
            let refusal = refusal { _ = try VerificationKey(publicPEM: pem, algorithm: .es256) }
            #expect(factor == 1 || refusal != nil, "2 G")
            let bio = BIO_new(BIO_s_mem())
            defer { BIO_free(bio) }
            BIO_puts(bio, pem)
            let key = tg_read_public_pem(bio)
            #expect(key != nil, "libcrypto itself reads it")
            EVP_PKEY_free(key)
        }
    }

    /// A public key whose PEM spells P-256 out (RFC 3279, section 2.3.5) with a multiple of its generator.
    private func explicitP256(generatorTimes factor: UInt) -> String {
        let group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1)
        defer { EC_GROUP_free(group) }
        let numbers = (0..<4).map { _ in BN_new() }
        defer { numbers.forEach { BN_free($0) } }
        EC_GROUP_get_curve(group, numbers[0], numbers[1], numbers[2], nil)
        func bytes(_ number: OpaquePointer?) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: 32)
            BN_bn2binpad(number, &bytes, 32)
            return bytes
        }
        func point(times factor: UInt) -> [UInt8] {
            let point = EC_POINT_new(group)
            defer { EC_POINT_free(point) }
            BN_set_word(numbers[3], factor)
            EC_POINT_mul(group, point, numbers[3], nil, nil, nil)
            var bytes = [UInt8](repeating: 0, count: 65)
            EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, &bytes, bytes.count, nil)
            return bytes
        }
        func der(_ tag: UInt8, _ parts: [UInt8]...) -> [UInt8] {
            let content = parts.flatMap { $0 }
            let length = UInt16(content.count)
            return [tag] + (length < 128 ? [UInt8(length)] : [0x82, UInt8(length >> 8), UInt8(length & 255)]) + content
        }
        let field = der(0x30, der(6, [0x2a, 0x86, 0x48, 0xce, 0x3d, 1, 1]), der(2, [0], bytes(numbers[0])))
        let curve = der(0x30, der(4, bytes(numbers[1])), der(4, bytes(numbers[2])))
        let order = der(2, [0], bytes(EC_GROUP_get0_order(group)))
        let parameters = der(0x30, der(2, [1]), field, curve, der(4, point(times: factor)), order, der(2, [1]))
        let algorithm = der(0x30, der(6, [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]), parameters)
        let key = der(0x30, algorithm, der(3, [0], point(times: 77)))
        var text = [UInt8](repeating: 0, count: 4 * key.count)
        let count = Int(EVP_EncodeBlock(&text, key, Int32(key.count)))
        let base64 = String(decoding: text[..<count], as: UTF8.self)
        return "-----BEGIN PUBLIC KEY-----\n\(base64)\n-----END PUBLIC KEY-----\n"
    }

    // MARK: - Disguise

    @Test("a public key is no HMAC secret as JWK, as set, as OpenSSH line, or in base64")
    func disguises() throws {
        let key = try SigningKey.generate(.rs256)
        let base64 = key.publicPEM.split(separator: "\n").dropFirst().dropLast().joined(separator: "\n")
        let private64 = key.privatePEM.split(separator: "\n").dropFirst().dropLast().joined()
        for text in [
            key.publicJWK.serialized(), " \(key.publicJWK.serialized())\n",
            JSON.object([JSON.Member("keys", .array([key.publicJWK]))]).serialized(),
            "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7 somebody", "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlz x",
            "---- BEGIN SSH2 PUBLIC KEY ----\nAAAAB3NzaC1yc2EAAAADAQABAAABAQC7",
            base64, base64.replacing("\n", with: ""), base64.replacing("+", with: "-").replacing("/", with: "_"),
            private64,
        ] {
            #expect(
                refusal { _ = try VerificationKey(secret: Array(text.utf8), algorithm: .hs256) } == .keyUnfit,
                "\(text.prefix(40))"
            )
        }
    }

    @Test("a secret that is only like a key is a good one")
    func honestSecrets() throws {
        for text in [
            "ssh-is-not-a-key-but-a-long-password", "{\"secret\": \"correct horse battery staple\"}",
            "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKC", "0123456789abcdef0123456789abcdef",
        ] {
            _ = try VerificationKey(secret: Array(text.utf8), algorithm: .hs256)
        }
        for _ in 0..<200 {
            _ = try VerificationKey(secret: [0x30] + SecureRandom.bytes(47), algorithm: .hs256)
        }
    }
}
