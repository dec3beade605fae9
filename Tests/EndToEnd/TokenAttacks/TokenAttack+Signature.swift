// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import GatewayCore
import GatewayCrypto

extension TokenAttack {
    /// Signatures that are nearly right, or that broken verifiers have taken.
    static func signature(_ material: AttackMaterial) throws -> [TokenAttack] {
        func wrong(
            _ source: String,
            _ name: String,
            _ change: @escaping ([UInt8]) throws -> [UInt8]
        ) throws -> TokenAttack {
            TokenAttack(source, name, .tokenSignature, try material.token { try change(material.key.sign($0)) })
        }
        let zero = [UInt8](repeating: 0, count: material.key.verificationKey.signatureLength)
        let honest = try material.honest.split(separator: ".").map(String.init)
        let elsewhere = try material.token(claims: material.claims.with("scope", "\"predict\"")).split(separator: ".")
        let shared = try [
            wrong("DESIGN, the gate", "a byte less at the end") { Array($0.dropLast()) },
            wrong("DESIGN, the gate", "a byte less at the start") { Array($0.dropFirst()) },
            wrong("DESIGN, the gate", "a zero more at the end") { $0 + [0] },
            wrong("DESIGN, the gate", "a zero more at the start") { [0] + $0 },
            wrong("DESIGN, the gate", "the signature twice") { $0 + $0 },
            wrong("DESIGN, the gate", "half of the signature") { Array($0.prefix($0.count / 2)) },
            wrong("DESIGN, the gate", "the signature backwards") { $0.reversed() },
            wrong("DESIGN, the gate", "its first bit") { [$0[0] ^ 0x80] + $0.dropFirst() },
            wrong("DESIGN, the gate", "its last bit") { $0.dropLast() + [($0.last ?? 0) ^ 1] },
            wrong("CVE-2022-21449", "nothing but zeros") { _ in zero },
            wrong("CVE-2022-21449", "one zero") { _ in [0] },
            wrong("DESIGN, the gate", "nothing but ones") { zero in [UInt8](repeating: 255, count: zero.count) },
            wrong("DESIGN, the gate", "the number 1") { _ in zero.dropLast() + [1] },
            wrong("DESIGN, the gate", "a signature in PEM") { Array("-----BEGIN SIGNATURE-----\n".utf8) + $0 },
            TokenAttack(
                "RFC 8725, 3.2",
                "the signature of other claims",
                .tokenSignature,
                "\(honest[0]).\(honest[1]).\(elsewhere[2])"
            ),
            TokenAttack(
                "RFC 8725, 3.2",
                "other claims under the signature",
                .tokenSignature,
                "\(honest[0]).\(elsewhere[1]).\(honest[2])"
            ),
            TokenAttack(
                "RFC 8725, 3.2",
                "the payload alone signed",
                .tokenSignature,
                material.token { _ in try material.key.sign(Array(honest[1].utf8)) }
            ),
            TokenAttack(
                "RFC 8725, 3.2",
                "the decoded texts signed",
                .tokenSignature,
                material.token { _ in
                    try material.key.sign(Array((material.header.json + "." + material.claims.json).utf8))
                }
            ),
            TokenAttack(
                "RFC 8725, 3.2",
                "another header under the signature",
                .tokenSignature,
                AttackMaterial.base64(material.header.with("typ", "\"at+jwt\"").json) + ".\(honest[1]).\(honest[2])"
            ),
        ]
        switch material.algorithm {
        case .es256: return try shared + ecdsa(wrong)
        case .rs256: return try shared + rsa(material, wrong)
        default: return shared
        }
    }

    private typealias Wrong = (String, String, @escaping ([UInt8]) throws -> [UInt8]) throws -> TokenAttack

    // MARK: - P-256

    private static func ecdsa(_ wrong: Wrong) throws -> [TokenAttack] {
        let order: [UInt8] = [
            0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
        ]
        let zero = [UInt8](repeating: 0, count: 32)
        let one = zero.dropLast() + [1]
        let above = order.dropLast() + [0x52]
        let most = [UInt8](repeating: 255, count: 32)
        let numbers: [(String, [UInt8])] = [
            ("0", zero), ("1", Array(one)), ("n", order), ("n + 1", Array(above)), ("2^256 - 1", most),
        ]
        var attacks: [TokenAttack] = []
        for (name, number) in numbers {
            attacks.append(try wrong("CVE-2022-21449", "r of \(name)") { number + $0.suffix(32) })
            attacks.append(try wrong("CVE-2022-21449", "s of \(name)") { $0.prefix(32) + number })
            for (other, s) in numbers where (name, other) != ("0", "0") {
                attacks.append(try wrong("CVE-2022-21449", "r of \(name), s of \(other)") { _ in number + s })
            }
        }
        return try attacks + [
            wrong("RFC 7518, 3.4", "r and s exchanged") { Array($0.suffix(32) + $0.prefix(32)) },
            wrong("RFC 7518, 3.4", "r twice") { Array($0.prefix(32) + $0.prefix(32)) },
            wrong("RFC 7518, 3.4", "-r") { negative(Array($0.prefix(32)), order) + $0.suffix(32) },
            wrong("RFC 7518, 3.4", "in DER") { der(Array($0.prefix(32)), Array($0.suffix(32))) },
            wrong("CVE-2022-21449", "in DER, both 0") { _ in [0x30, 6, 2, 1, 0, 2, 1, 0] },
            wrong("RFC 7518, 3.4", "in DER, cut to 64 bytes") {
                Array(der(Array($0.prefix(32)), Array($0.suffix(32))).prefix(64))
            },
            wrong("RFC 7518, 3.4", "as long as P-384's") { zero[..<16] + $0.prefix(32) + zero[..<16] + $0.suffix(32) },
            wrong("RFC 7518, 3.4", "as long as P-521's") {
                zero + [0, 0] + $0.prefix(32) + zero + [0, 0] + $0.suffix(32)
            },
            wrong("RFC 7518, 3.4", "r in 31 bytes") { Array($0[1..<32] + $0.suffix(32)) },
            wrong("RFC 7518, 3.4", "both in small-endian order") {
                $0.prefix(32).reversed() + $0.suffix(32).reversed()
            },
        ]
    }

    /// n - number, big-endian.
    private static func negative(_ number: [UInt8], _ order: [UInt8]) -> [UInt8] {
        var borrow = 0
        var out = order
        for i in order.indices.reversed() {
            let difference = Int(order[i]) - Int(number[i]) - borrow
            borrow = difference < 0 ? 1 : 0
            out[i] = UInt8(difference & 255)
        }
        return out
    }

    private static func der(_ r: [UInt8], _ s: [UInt8]) -> [UInt8] {
        func integer(_ bytes: [UInt8]) -> [UInt8] {
            let short = Array(bytes.drop { $0 == 0 })
            let content = short.first.map { $0 >= 0x80 } == true ? [0] + short : short
            return [2, UInt8(content.count)] + content
        }
        let content = integer(r) + integer(s)
        return [0x30, UInt8(content.count)] + content
    }

    // MARK: - RSA

    private static func rsa(_ material: AttackMaterial, _ wrong: Wrong) throws -> [TokenAttack] {
        let pem = material.key.privatePEM
        let modulus = Base64URL.decode((material.key.publicJWK["n"]?.string ?? "").utf8) ?? []
        func by(_ algorithm: SignatureAlgorithm) throws -> TokenAttack {
            let key = try SigningKey(privatePEM: pem, algorithm: algorithm)
            return TokenAttack(
                "RFC 8725, 3.1",
                "\(algorithm.rawValue) of the same key under RS256",
                .tokenSignature,
                try material.token { try key.sign($0) }
            )
        }
        return try [
            by(.ps256), by(.ps384), by(.ps512), by(.rs384), by(.rs512),
            stripped(material),
            wrong("RFC 8017, 8.2.2", "the modulus") { _ in modulus },
            wrong("RFC 8017, 8.2.2", "the modulus less 1") { _ in modulus.dropLast() + [(modulus.last ?? 1) - 1] },
            wrong("RFC 8017, 8.2.2", "as long as a key of 4096 bits") { [UInt8](repeating: 0, count: 256) + $0 },
            wrong("RFC 8017, 8.2.2", "the padded hash itself, for an exponent of 1") { _ in
                [0, 1] + [UInt8](repeating: 255, count: 202) + [
                    0, 0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4,
                ]
                    + [2, 1, 5, 0, 4, 0x20] + [UInt8](repeating: 7, count: 32)
            },
            TokenAttack(
                "RFC 8017, 9.2",
                "SHA-1",
                .tokenSignature,
                material.token { bare($0, pem: pem, digest: EVP_sha1(), padding: RSA_PKCS1_PADDING) }
            ),
            TokenAttack(
                "RFC 8017, 9.2",
                "PKCS #1 padding without the name of the hash",
                .tokenSignature,
                material.token { bare(SHA256.hash($0), pem: pem, digest: nil, padding: RSA_PKCS1_PADDING) }
            ),
        ]
    }

    /// A signature that begins with a zero, without it: as a number it is the same.
    private static func stripped(_ material: AttackMaterial) throws -> TokenAttack {
        for number in 0..<8192 {
            let claims = material.claims.with("jti", "\"stripped-\(number)\"")
            let signed = AttackMaterial.base64(material.header.json) + "." + AttackMaterial.base64(claims.json)
            let signature = try material.key.sign(Array(signed.utf8))
            if signature[0] == 0 {
                let token = "\(signed).\(Base64URL.encode(signature.drop { $0 == 0 }))"
                return TokenAttack("RFC 8017, 8.2.2", "a leading zero left out", .tokenSignature, token)
            }
        }
        throw HarnessError("no signature of 8192 begins with a zero")
    }

    /// Signs with a digest of its own, or bytes as they are.
    private static func bare(_ bytes: [UInt8], pem: String, digest: OpaquePointer?, padding: Int32) -> [UInt8] {
        let bio = BIO_new(BIO_s_mem())
        defer { BIO_free(bio) }
        BIO_puts(bio, pem)
        let key = tg_read_private_pem(bio)
        defer { EVP_PKEY_free(key) }
        var signature = [UInt8](repeating: 0, count: 256)
        var count = signature.count
        if let digest {
            let context = EVP_MD_CTX_new()
            defer { EVP_MD_CTX_free(context) }
            EVP_DigestSignInit(context, nil, digest, nil, key)
            EVP_DigestSign(context, &signature, &count, bytes, bytes.count)
        } else {
            let context = EVP_PKEY_CTX_new(key, nil)
            defer { EVP_PKEY_CTX_free(context) }
            EVP_PKEY_sign_init(context)
            EVP_PKEY_CTX_set_rsa_padding(context, padding)
            EVP_PKEY_sign(context, &signature, &count, bytes, bytes.count)
        }
        return Array(signature[..<count])
    }
}
