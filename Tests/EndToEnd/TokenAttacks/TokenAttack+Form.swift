// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore

extension TokenAttack {
    /// Tokens that are not three parts of canonical base64url (RFC 7515, section 7.1; RFC 8725, section 2.4).
    static func form(_ material: AttackMaterial) throws -> [TokenAttack] {
        let honest = try material.honest
        let parts = honest.split(separator: ".").map(String.init)
        let (header, payload, signature) = (parts[0], parts[1], parts[2])
        func malformed(_ name: String, _ token: String) -> TokenAttack {
            TokenAttack("RFC 7515, 7.1", name, .tokenMalformed, token)
        }
        let json = """
            {"payload":"\(payload)","protected":"\(header)","signature":"\(signature)"}
            """
        let general = """
            {"payload":"\(payload)","signatures":[{"protected":"\(header)","signature":"\(signature)"}]}
            """
        return try [
            malformed("one part", header),
            malformed("two parts", "\(header).\(payload)"),
            malformed("four parts", "\(honest).\(signature)"),
            malformed("four parts, the last one empty", "\(honest)."),
            malformed("four parts, the first one empty", ".\(honest)"),
            malformed("an empty header", ".\(payload).\(signature)"),
            malformed("an empty payload", try material.token(signed: "\(header).")),
            malformed("an empty signature", "\(header).\(payload)."),
            malformed("no signature and no dot for it", "\(header).\(payload)"),
            malformed("nothing but dots", ".."),
            malformed("the payload twice", "\(header).\(payload).\(payload).\(signature)"),
            malformed("a whole token twice", "\(honest).\(honest)"),
            malformed("two tokens with a comma", "\(honest),\(honest)"),
            malformed("two tokens with a blank", "\(honest) \(honest)"),
            malformed("in quotes", "\"\(honest)\""),
            malformed("the flattened JSON serialization", json),
            malformed("the general JSON serialization", general),
            malformed("JSON serialization for implementations that look for dots", json + ".."),
            malformed(
                "a blank within the header",
                "\(header.prefix(9)) \(header.dropFirst(9)).\(payload).\(signature)"
            ),
            malformed(
                "a blank within the payload",
                "\(header).\(payload.prefix(9)) \(payload.dropFirst(9)).\(signature)"
            ),
            malformed(
                "a blank within the signature",
                "\(header).\(payload).\(signature.prefix(9)) \(signature.dropFirst(9))"
            ),
            malformed("a tab before the second part", "\(header).\t\(payload).\(signature)"),
            malformed("a blank before the token", " \(honest)"),
            malformed("a percent-encoded dot", "\(header)%2E\(payload)%2E\(signature)"),
            malformed("a percent-encoded letter", "%65\(honest.dropFirst())"),
            malformed(
                "a question mark (Wycheproof 372)",
                "\(header.prefix(8))?\(header.dropFirst(8)).\(payload).\(signature)"
            ),
            malformed("the other dots of Unicode", "\(header)\u{2024}\(payload)\u{2024}\(signature)"),
            malformed("full-width letters", "\u{ff45}\(honest.dropFirst())"),
            malformed("a header in hexadecimal", hexadecimal(material.header.json) + ".\(payload).\(signature)"),
            TokenAttack(
                "RFC 7515, 7.1",
                "bytes that are no text",
                .tokenMalformed,
                bytes: Array(honest.utf8.prefix(20)) + [0xff, 0xfe, 0x80] + Array(honest.utf8.dropFirst(20))
            ),
        ] + spellings(header, payload, signature) + encrypted(header, payload, signature)
            + large(material, honest)
    }

    private static func hexadecimal(_ text: String) -> String {
        text.utf8.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    /// Other texts for the same bytes: a token with many spellings breaks every list that is keyed by its text.
    private static func spellings(_ header: String, _ payload: String, _ signature: String) -> [TokenAttack] {
        let source = "RFC 4648, 3.5"
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        /// The part with the lowest bit of its last character the other way; nil where all bits count.
        func unused(_ part: String) -> String? {
            guard part.utf8.count % 4 != 0, let last = part.last, let value = alphabet.firstIndex(of: last) else {
                return nil
            }
            return part.dropLast() + String(alphabet[value ^ 1])
        }
        var attacks: [TokenAttack] = []
        for (place, name) in ["header", "payload", "signature"].enumerated() {
            let parts = [header, payload, signature]
            func with(_ part: String) -> String {
                var changed = parts
                changed[place] = part
                return changed.joined(separator: ".")
            }
            for padding in ["=", "==", "===="] {
                attacks.append(
                    TokenAttack(source, "\(padding) behind the \(name)", .tokenMalformed, with(parts[place] + padding))
                )
            }
            attacks.append(
                TokenAttack(source, "a letter too many in the \(name)", .tokenMalformed, with(tail(parts[place])))
            )
            if let other = unused(parts[place]) {
                attacks.append(TokenAttack(source, "unused bits set in the \(name)", .tokenMalformed, with(other)))
            }
            for stranger in ["+", "/", "!", "*", "~", ":"] {
                let text = String(parts[place].prefix(4) + stranger + parts[place].dropFirst(5))
                attacks.append(TokenAttack(source, "\(stranger) in the \(name)", .tokenMalformed, with(text)))
            }
        }
        return attacks
    }

    /// A part of an impossible length: one character more than groups of four.
    private static func tail(_ part: String) -> String {
        part + String(repeating: "A", count: (5 - part.utf8.count % 4) % 4 == 0 ? 4 : (5 - part.utf8.count % 4) % 4)
    }

    /// JWE (RFC 7516): never opened, so neither PBES2's count nor compressed bombs are ever worked on.
    private static func encrypted(_ header: String, _ payload: String, _ signature: String) -> [TokenAttack] {
        let headers = [
            ("dir", #"{"alg":"dir","enc":"A256GCM"}"#),
            ("RSA1_5", #"{"alg":"RSA1_5","enc":"A128CBC-HS256"}"#),
            (
                "PBES2 with a count of 2^31",
                #"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"AAAA"}"#
            ),
            ("a compressed bomb", #"{"alg":"dir","enc":"A256GCM","zip":"DEF"}"#),
            (
                "ECDH-ES off the curve",
                #"{"alg":"ECDH-ES","enc":"A128GCM","epk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}}"#
            ),
        ]
        return headers.map { name, text in
            let text = AttackMaterial.base64(text)
            return TokenAttack(
                "RFC 8725, 2.5",
                "JWE: \(name)",
                .tokenMalformed,
                "\(text).AAAA.\(signature).\(payload).AAAA"
            )
        }
            + headers.prefix(2).map { name, text in
                // Three parts, as if it were signed.
                let text = AttackMaterial.base64(text)
                return TokenAttack(
                    "RFC 8725, 2.5",
                    "JWE's header in a JWS: \(name)",
                    .tokenAlgorithm,
                    "\(text).\(payload).\(signature)"
                )
            }
    }

    /// libjwt keeps each part on the stack; nothing long may reach it.
    private static func large(_ material: AttackMaterial, _ honest: String) throws -> [TokenAttack] {
        let source = "DESIGN, the gate"
        let long = String(repeating: "x", count: 7000)
        let deep = String(repeating: "[", count: 2000) + String(repeating: "]", count: 2000)
        return [
            TokenAttack(
                source,
                "9 kB, rightly signed",
                .tokenTooLarge,
                try material.token(claims: material.claims.with("note", "\"\(long)\""))
            ),
            TokenAttack(source, "8,193 letters", .tokenTooLarge, String(repeating: "A", count: 8193)),
            TokenAttack(source, "12,000 letters", .tokenTooLarge, String(repeating: "A", count: 12_000)),
            TokenAttack(source, "8,192 letters", .tokenMalformed, String(repeating: "A", count: 8192)),
            TokenAttack(source, "8,192 dots", .tokenMalformed, String(repeating: ".", count: 8192)),
            TokenAttack(
                source,
                "a signature of 6,000 bytes (HAProxy, 2026)",
                .tokenSignature,
                try material.token { _ in
                    [UInt8](repeating: 0x55, count: 5000)
                }
            ),
            TokenAttack(
                source,
                "a header 2,000 levels deep",
                .tokenMalformed,
                try material.token(header: material.header.with("x", deep))
            ),
            TokenAttack(
                source,
                "a payload 2,000 levels deep",
                .tokenMalformed,
                try material.token(claims: material.claims.with("x", deep))
            ),
            TokenAttack(
                source,
                "a kid of 4,000 bytes",
                .tokenKeyUnknown,
                try material.token(header: material.header.with("kid", "\"\(long.prefix(4000))\""))
            ),
            TokenAttack(
                source,
                "a header of 300 members of one name",
                .tokenMalformed,
                try material.token(header: (0..<300).reduce(material.header) { text, _ in text.adding("x", "1") })
            ),
        ]
    }
}
