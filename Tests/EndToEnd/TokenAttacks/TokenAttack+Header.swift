// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto

extension TokenAttack {
    /// Headers that are not what RFC 7515, section 4 says, each rightly signed.
    static func header(_ material: AttackMaterial) throws -> [TokenAttack] {
        let good = material.header
        func malformed(_ name: String, _ header: String) throws -> TokenAttack {
            TokenAttack(
                "RFC 7515, 4",
                name,
                .tokenMalformed,
                try material.token(header: header, payload: material.claims.json)
            )
        }
        func bytes(_ name: String, _ header: [UInt8]) throws -> TokenAttack {
            TokenAttack(
                "RFC 7515, 4",
                name,
                .tokenMalformed,
                try material.token(header: header, payload: Array(material.claims.json.utf8))
            )
        }
        let text = good.json
        let inside = text.dropFirst().dropLast()
        return try [
            malformed("a header that is an array", "[\(text)]"),
            malformed("a header that is a string", "\"\(material.algorithm.rawValue)\""),
            malformed("a header that is a number", "256"),
            malformed("a header that is null", "null"),
            malformed("a header that is an empty object", "{}"),
            malformed("a header that is no JSON", "alg=\(material.algorithm.rawValue)"),
            malformed("a header in YAML", "alg: \(material.algorithm.rawValue)\nkid: \(material.key.keyID)\n"),
            malformed("a header without end", String(text.dropLast())),
            malformed("two headers", text + text),
            malformed("bytes behind the header", text + "x"),
            malformed("NUL behind the header", text + "\u{0}"),
            malformed("NUL before the header", "\u{0}" + text),
            malformed("a header with a trailing comma", "{\(inside),}"),
            malformed("a header with a comment", "{\(inside)/* */}"),
            malformed("a header in single quotes", text.replacing("\"", with: "'")),
            malformed("names without quotes", text.replacing("\"alg\"", with: "alg")),
            malformed("a byte order mark", "\u{feff}" + text),
            malformed("NaN in the header", good.adding("x", "NaN").json),
            malformed("Infinity in the header", good.adding("x", "Infinity").json),
            malformed("1e400 in the header", good.adding("x", "1e400").json),
            malformed("a leading zero in the header", good.adding("x", "01").json),
            malformed("a hexadecimal number in the header", good.adding("x", "0x10").json),
            malformed("a lone surrogate in the header", good.adding("x", "\"\\ud800\"").json),
            malformed("an unknown escape in the header", good.adding("x", "\"\\q\"").json),
            malformed("a raw line feed in the header", good.adding("x", "\"\n\"").json),
            malformed("nine levels in the header", good.adding("x", "[[[[[[[[[]]]]]]]]]").json),
            bytes("UTF-8 that is overlong", Array("{\(inside),\"x\":\"".utf8) + [0xc0, 0xaf] + Array("\"}".utf8)),
            bytes("Latin-1 in the header", Array("{\(inside),\"x\":\"".utf8) + [0xe9] + Array("\"}".utf8)),
            bytes("UTF-16", text.utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }),
            malformed("no alg", good.with("alg", nil).json),
            malformed(
                "alg in capitals",
                good.with("alg", nil).adding("ALG", "\"\(material.algorithm.rawValue)\"").json
            ),
        ] + duplicates(material, malformed) + types(material, malformed) + extensions(material, malformed)
            + kinds(material, malformed)
    }

    private typealias Make = (String, String) throws -> TokenAttack

    /// Two members of one name: parsers differ on which one counts (RFC 7515, section 4; RFC 8259, section 4).
    private static func duplicates(_ material: AttackMaterial, _ malformed: Make) throws -> [TokenAttack] {
        let good = material.header
        return try [
            malformed("alg twice, none first", AttackMaterial.Text(members: [("alg", "\"none\"")] + good.members).json),
            malformed("alg twice, none last", good.adding("alg", "\"none\"").json),
            malformed("alg twice, the same", good.adding("alg", "\"\(material.algorithm.rawValue)\"").json),
            malformed("alg twice, once escaped", good.adding("\\u0061lg", "\"none\"").json),
            malformed("kid twice", good.adding("kid", "\"other\"").json),
            malformed("kid twice, once escaped", good.adding("k\\u0069d", "\"other\"").json),
            malformed("typ twice", good.adding("typ", "\"at+jwt\"").json),
            malformed("an unknown name twice", good.adding("x", "1").adding("x", "2").json),
            malformed("a name twice in a nested object", good.adding("x", #"{"a":1,"a":2}"#).json),
        ]
    }

    private static func types(_ material: AttackMaterial, _ malformed: Make) throws -> [TokenAttack] {
        let wrong = [
            ("null", "null"), ("a number", "1"), ("true", "true"), ("an array", "[\"x\"]"), ("an object", "{}"),
        ]
        return try ["alg", "kid", "typ"].flatMap { name in
            try wrong.map { kind, value in
                try malformed("\(name) that is \(kind)", material.header.with(name, value).json)
            }
        } + [
            malformed(
                "alg as an array of the right one",
                material.header.with("alg", "[\"\(material.algorithm.rawValue)\"]").json
            )
        ]
    }

    /// RFC 7515, section 4.1.11 and RFC 7797: what changes the meaning of a token must be understood or refused.
    private static func extensions(_ material: AttackMaterial, _ malformed: Make) throws -> [TokenAttack] {
        let good = material.header
        return try [
            malformed("crit with an unknown name", good.adding("crit", "[\"x\"]").adding("x", "1").json),
            malformed("crit with a known claim", good.adding("crit", "[\"exp\"]").adding("exp", "1").json),
            malformed("crit with a registered name", good.adding("crit", "[\"alg\"]").json),
            malformed("crit without the member it names", good.adding("crit", "[\"x\"]").json),
            malformed("an empty crit", good.adding("crit", "[]").json),
            malformed("crit that is a string", good.adding("crit", "\"b64\"").json),
            malformed("crit that is null", good.adding("crit", "null").json),
            malformed("b64 of false, in crit (RFC 7797)", good.adding("b64", "false").adding("crit", "[\"b64\"]").json),
            malformed("b64 of false alone", good.adding("b64", "false").json),
            malformed("b64 of true", good.adding("b64", "true").json),
            malformed("b64 that is a string", good.adding("b64", "\"false\"").json),
            malformed("b64 that is null", good.adding("b64", "null").json),
            TokenAttack(
                "RFC 7797",
                "a payload that is not encoded",
                .tokenMalformed,
                material.token(
                    signed: AttackMaterial.base64(good.adding("b64", "false").adding("crit", "[\"b64\"]").json)
                        + "." + material.claims.json
                )
            ),
        ]
    }

    /// Other kinds of JWT in the place of an access token (RFC 8725, section 3.11).
    private static func kinds(_ material: AttackMaterial, _ malformed: Make) throws -> [TokenAttack] {
        let types = [
            "id_token", "logout+jwt", "dpop+jwt", "secevent+jwt", "token-introspection+jwt", "JWE", "JOSE", "JOSE+JSON",
            "application/jwt+at", "at+jwt ", " JWT", "JWT\\u0000", "jwt,at+jwt", "", "at\\u2010jwt",
            "\\uff2a\\uff37\\uff34",
        ]
        let honest = try material.honest
        return try types.map { try malformed("typ of '\($0)'", material.header.with("typ", "\"\($0)\"").json) } + [
            TokenAttack(
                "RFC 7519, 5.2",
                "a token within the token",
                .tokenMalformed,
                material.token(header: material.header.adding("cty", "\"JWT\"").json, payload: honest)
            ),
            TokenAttack(
                "RFC 7519, 5.2",
                "a token within a JSON string",
                .tokenMalformed,
                material.token(header: material.header.json, payload: "\"\(honest)\"")
            ),
        ]
    }
}
