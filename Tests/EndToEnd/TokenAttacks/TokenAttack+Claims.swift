// SPDX-License-Identifier: Apache-2.0

import GatewayCore

extension TokenAttack {
    /// Payloads and claims that are not an access token's for this gateway, each rightly signed.
    static func claims(_ material: AttackMaterial) throws -> [TokenAttack] {
        try payloads(material) + issuers(material) + audiences(material) + identities(material)
    }

    private static func payloads(_ material: AttackMaterial) throws -> [TokenAttack] {
        let good = material.claims
        func payload(_ name: String, _ text: String, _ code: ReasonCode = .tokenMalformed) throws -> TokenAttack {
            TokenAttack("RFC 7519, 4", name, code, try material.token(header: material.header.json, payload: text))
        }
        let text = good.json
        return try [
            payload("a payload that is an array", "[\(text)]"),
            payload("a payload that is a string", "\"iss\""),
            payload("a payload that is a number", "7"),
            payload("a payload that is null", "null"),
            payload("a payload that is no JSON", "hello"),
            payload("an empty object", "{}", .tokenClaims),
            payload("a payload without end", String(text.dropLast())),
            payload("bytes behind the payload", text + "}"),
            payload("NUL behind the payload", text + "\u{0}"),
            payload("a payload with a trailing comma", "{\(text.dropFirst().dropLast()),}"),
            payload("a payload with a comment", text + "// fine"),
            payload("a payload behind a byte order mark", "\u{feff}" + text),
            payload("nine levels in the payload", good.adding("x", "[[[[[[[[[]]]]]]]]]").json),
            payload("a lone surrogate in a claim", good.adding("x", "\"\\udc00\"").json),
            payload("a raw NUL in a claim", good.adding("x", "\"\u{0}\"").json),
            payload("iss twice", good.adding("iss", "\"https://localhost:8443\"").json),
            payload("iss twice, once escaped", good.adding("\\u0069ss", "\"https://evil.example\"").json),
            payload("exp twice, the later last", good.adding("exp", "9000000000").json),
            payload("exp twice, once escaped", good.adding("e\\u0078p", "9000000000").json),
            payload("tenant twice", good.adding("tenant", "\"\(material.other.id)\"").json),
            payload("tenant twice, once escaped", good.adding("t\\u0065nant", "\"\(material.other.id)\"").json),
            payload("scope twice", good.adding("scope", "\"admin\"").json),
            payload("an unknown claim twice, deep inside", good.adding("x", #"{"y":[{"a":1,"a":1}]}"#).json),
            payload(
                "an escaped NUL, on which the verifiers disagree",
                good.adding("x", "\"a\\u0000b\"").json,
                .tokenDoorsDisagree
            ),
            payload(
                "an integer beyond 64 bits, on which the verifiers disagree",
                good.adding("x", "99999999999999999999").json,
                .tokenDoorsDisagree
            ),
            TokenAttack(
                "RFC 7519, 4",
                "a payload that is not UTF-8",
                .tokenMalformed,
                material.token(
                    header: Array(material.header.json.utf8),
                    payload: Array(text.utf8.dropLast()) + [0xff, 0x7d]
                )
            ),
        ]
    }

    private static func issuers(_ material: AttackMaterial) throws -> [TokenAttack] {
        let strangers = [
            "https://evil.example", "https://localhost:8443/", "https://LOCALHOST:8443", "HTTPS://localhost:8443",
            "http://localhost:8443", "https://localhost", "https://localhost:443",
            "https://localhost:8443.evil.example",
            "https://localhost:8443@evil.example", "https://localhost:8443#", "https://localhost:8443?",
            "https://localhost:8443/.",
            "https://localhost:8443\\u0000", "https://localhost:8443 ", " https://localhost:8443",
            "https://127.0.0.1:8443",
            "https://localhost%3A8443", "localhost:8443", "", "*", "https://loc\\u0430lhost:8443",
            "https://localhost\\uff1a8443",
        ]
        return try strangers.map { name in
            TokenAttack(
                "RFC 8725, 3.8",
                "iss '\(name)'",
                .tokenIssuer,
                try material.token(claims: material.claims.with("iss", "\"\(name)\""))
            )
        } + wrongTypes(material, "iss", also: [("an array of the right one", "[\"https://localhost:8443\"]")])
    }

    private static func audiences(_ material: AttackMaterial) throws -> [TokenAttack] {
        let others = [
            "\"other\"", "\"tollgate2\"", "\"tollgat\"", "\"Tollgate\"", "\"TOLLGATE\"", "\"tollgate \"",

            "\"https://tollgate\"", "\"*\"", "\"\"", "[]", "[\"other\",\"another\"]", "[\"toll\",\"gate\"]",
            "\"tollgate,other\"",
            "\"toll\\u200bgate\"", "\"\\uff54ollgate\"",
        ]
        let cut = try material.token(claims: material.claims.with("aud", "\"tollgate\\u0000\""))
        let wrong = [
            ("missing", nil), ("null", "null"), ("a number", "1"), ("true", "true"),
            ("an object", "{\"tollgate\":true}"),
            ("an array with a number", "[\"tollgate\",1]"), ("an array with null", "[\"tollgate\",null]"),
            ("an array within an array", "[[\"tollgate\"]]"),
        ]
        return try others.map { value in
            TokenAttack(
                "RFC 8725, 3.9",
                "aud \(value)",
                .tokenAudience,
                try material.token(claims: material.claims.with("aud", value))
            )
        }
            + wrong.map { name, value in
                TokenAttack(
                    "RFC 7519, 4.1.3",
                    "aud \(name)",
                    .tokenClaims,
                    try material.token(claims: material.claims.with("aud", value))
                )
            } + [TokenAttack("RFC 8725, 3.9", "aud and NUL, on which the verifiers disagree", .tokenDoorsDisagree, cut)]
    }

    private static func identities(_ material: AttackMaterial) throws -> [TokenAttack] {
        let good = material.claims
        func claims(_ name: String, _ code: ReasonCode, _ claims: AttackMaterial.Text) throws -> TokenAttack {
            TokenAttack("RFC 9068, 2.2", name, code, try material.token(claims: claims))
        }
        let names = [
            "system", "../\(material.other.id)", "\(material.other.id)", "Not A Name", "a/b", "*",
            "\(material.other.id)' OR '1'='1", String(repeating: "a", count: 300),
        ]
        return try names.map { name in
            try claims("tenant '\(name.prefix(40))'", .tokenClaims, good.with("tenant", "\"\(name)\""))
        } + [
            claims(
                "tenant with NUL, on which the verifiers disagree",
                .tokenDoorsDisagree,
                good.with("tenant", "\"a\\u0000\"")
            ),
            claims("another tenant's client", .tokenClaims, good.with("client_id", "\"\(material.other.keyID)\"")),
            claims("a client that is not there", .keyInvalid, good.with("client_id", "\"00000000\"")),
            claims("a client of SQL", .keyInvalid, good.with("client_id", "\"' OR '1'='1\"")),
            claims("a whole API key as client", .keyInvalid, good.with("client_id", "\"tg_live_\"")),
        ]
            + ["sub", "client_id", "jti", "scope", "tenant"].flatMap {
                try wrongTypes(material, $0, also: [("empty", "\"\"")])
            }
    }

    private static func wrongTypes(
        _ material: AttackMaterial,
        _ claim: String,
        also more: [(String, String?)]
    ) throws -> [TokenAttack] {
        let values: [(String, String?)] = [
            ("missing", nil), ("null", "null"), ("a number", "1"), ("true", "true"), ("an array", "[\"x\"]"),
            ("an object", "{}"),
        ]
        return try (values + more).map { name, value in
            TokenAttack(
                "RFC 7519, 4.1",
                "\(claim) \(name)",
                .tokenClaims,
                try material.token(claims: material.claims.with(claim, value))
            )
        }
    }

    /// Times of the wrong kind, and times that are over or not yet (RFC 7519, sections 4.1.4 to 4.1.6).
    static func moments(_ material: AttackMaterial) throws -> [TokenAttack] {
        let now = material.now
        func moment(_ claim: String, _ value: String?, _ name: String, _ code: ReasonCode) throws -> TokenAttack {
            TokenAttack(
                "RFC 7519, 4.1.4",
                "\(claim) \(name)",
                code,
                try material.token(claims: material.claims.with(claim, value))
            )
        }
        let wrong: [(String, String)] = [
            ("null", "null"), ("a string", "\"\(now + 60)\""), ("a date", "\"2099-01-01T00:00:00Z\""), ("true", "true"),
            ("an array", "[\(now + 60)]"), ("an object", "{}"), ("a fraction", "\(now).5"),
            ("with a fraction of 0", "\(now).0"),
            ("with an exponent", "9e9"), ("negative", "-1"), ("the least integer", "-9223372036854775808"),
            ("the largest integer", "9223372036854775807"), ("one beyond 64 bits", "9223372036854775808"),
            ("2^64", "18446744073709551616"), ("a hundred digits", String(repeating: "9", count: 100)),
            ("in milliseconds", "\(now + 60)000"), ("1e308", "1e308"),
        ]
        var attacks: [TokenAttack] = []
        for claim in ["exp", "nbf", "iat"] {
            for (name, value) in wrong {
                attacks.append(
                    try moment(claim, value, name, isBeyondLibJWT(value) ? .tokenDoorsDisagree : .tokenClaims)
                )
            }
            attacks.append(try moment(claim, "1e400", "1e400", .tokenMalformed))
            attacks.append(try moment(claim, "-1e400", "-1e400", .tokenMalformed))
            attacks.append(try moment(claim, "NaN", "NaN", .tokenMalformed))
            attacks.append(try moment(claim, "0x7fffffff", "in hexadecimal", .tokenMalformed))
            attacks.append(try moment(claim, "0\(now + 60)", "with a leading zero", .tokenMalformed))
            attacks.append(try moment(claim, "+\(now + 60)", "with a plus", .tokenMalformed))
        }
        return try attacks
            + [
                moment("exp", nil, "missing", .tokenClaims), moment("iat", nil, "missing", .tokenClaims),
                moment("exp", "0", "of 1970", .tokenExpired), moment("exp", "-0", "of minus zero", .tokenExpired),
                moment("exp", "\(now - 31)", "31 s ago", .tokenExpired),
                moment("exp", "\(now - 86_400)", "a day ago", .tokenExpired),
                moment("nbf", "\(now + 300)", "in five minutes", .tokenNotYetValid),
                moment("nbf", "9000000000", "in 2255", .tokenNotYetValid),
                moment("iat", "\(now + 300)", "in five minutes", .tokenNotYetValid),
            ]
    }

    /// libjwt reads integers of 64 bits alone, so the token ends at the third door, before its claims are looked at.
    private static func isBeyondLibJWT(_ number: String) -> Bool {
        number.allSatisfy(\.isNumber) && Int64(number) == nil
    }
}
