// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto

extension TokenAttack {
    /// Which key verifies: never the token's own, never one that its text leads to (RFC 8725, sections 3.6 to 3.10).
    static func key(_ material: AttackMaterial) throws -> [TokenAttack] {
        let good = material.header
        let id = material.key.keyID
        let injections = [
            ("a path to an empty file", "../../../../dev/null"), ("an absolute path", "/dev/null"),
            ("a path to a file of known content", "/proc/sys/kernel/randomize_va_space"),
            ("a path and the name", "../state/\(id)"), ("the name and a suffix", "\(id).pem"),
            ("SQL that is always true", "' OR '1'='1"), ("SQL that brings its own key", "x' UNION SELECT 'AA=='--"),
            ("SQL that drops a table", "\(id)'; DROP TABLE keys;--"), ("LDAP", "*)(uid=*"),
            ("a shell command", "$(id)"),
            ("a pipe", "\(id)|/usr/bin/id"), ("a template", "{{7*7}}"), ("a URL", "https://attacker.example/key.pem"),
            ("NUL behind the name", "\(id)\\u0000"), ("NUL and a suffix behind the name", "\(id)\\u0000.pem"),
            ("NUL before the name", "\\u0000\(id)"), ("nothing", ""), ("a blank behind the name", "\(id) "),
            ("a line feed behind the name", "\(id)\\n"), ("the name in capitals", id.uppercased()),
            ("half of the name", String(id.prefix(20))), ("the name twice", id + id),
            ("full-width letters", "\\uff2b\\uff25\\uff39"), ("a right-to-left override", "\\u202e\(id)"),
            ("a zero-width blank", "\(id)\\u200b"), ("a combining mark", "\(id)\\u0301"),
            ("an emoji", "\\ud83d\\udd11"),
            ("__proto__", "__proto__"), ("a format", "%s%n%x"), ("a log line", "\\nlevel=info msg=accepted"),
        ]
        let unknown = try injections.flatMap { name, kid -> [TokenAttack] in
            let header = good.with("kid", "\"\(kid)\"")
            return [
                TokenAttack("RFC 8725, 3.10", "kid of \(name)", .tokenKeyUnknown, try material.token(header: header)),
                TokenAttack(
                    "RFC 8725, 3.10",
                    "kid of \(name), another's signature",
                    .tokenKeyUnknown,
                    try material.token(header: header) { try material.stranger.sign($0) }
                ),
            ]
        }
        return try unknown + [
            TokenAttack("RFC 8725, 3.10", "no kid", .tokenKeyUnknown, material.token(header: good.with("kid", nil))),
            TokenAttack(
                "RFC 7638",
                "the kid of the attacker's key",
                .tokenKeyUnknown,
                material.token(header: good.with("kid", "\"\(material.stranger.keyID)\"")) {
                    try material.stranger.sign($0)
                }
            ),
            TokenAttack(
                "DESIGN, the gate",
                "another key's signature under the right kid",
                .tokenSignature,
                material.token { try material.stranger.sign($0) }
            ),
        ] + offered(material)
    }

    /// Keys that the token brings along, or says where to fetch (CVE-2018-0114 and RFC 8725, section 3.10).
    private static func offered(_ material: AttackMaterial) throws -> [TokenAttack] {
        let attacker = material.stranger
        let jwk = attacker.publicJWK.serialized()
        let body = attacker.publicPEM.split(separator: "\n").dropFirst().dropLast().joined()
        let offers = [
            ("CVE-2018-0114", "jwk", jwk), ("RFC 8725, 3.10", "jku", "\"https://attacker.example/jwks.json\""),
            (
                "RFC 8725, 3.10", "jku on the gateway's own host",
                "\"https://localhost:8443@attacker.example/jwks.json\""
            ),
            ("RFC 8725, 3.10", "jku on the machine", "\"http://169.254.169.254/latest/meta-data\""),
            ("RFC 8725, 3.10", "jku with a file", "\"file:///etc/passwd\""),
            ("RFC 8725, 3.10", "x5u", "\"https://attacker.example/chain.pem\""),
            ("RFC 8725, 3.10", "x5c", "[\"\(body)\"]"),
            ("RFC 8725, 3.10", "x5t", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAA\""), ("RFC 8725, 3.10", "x5t#S256", "\"AAAA\""),
            ("RFC 8725, 3.10", "jwk of a secret", #"{"kty":"oct","k":"AAAA"}"#),
        ]
        return try offers.flatMap { source, name, value -> [TokenAttack] in
            let member = String(name.prefix { $0 != " " })
            let header = material.header.adding(member, value)
            let foreign = header.with("kid", "\"\(attacker.keyID)\"")
            return [
                TokenAttack(
                    source,
                    "\(name) beside the right kid, signed by the attacker",
                    .tokenSignature,
                    try material.token(header: header) { try attacker.sign($0) }
                ),
                TokenAttack(
                    source,
                    "\(name) beside its own kid, signed by the attacker",
                    .tokenKeyUnknown,
                    try material.token(header: foreign) { try attacker.sign($0) }
                ),
                TokenAttack(
                    source,
                    "\(name) without a kid, signed by the attacker",
                    .tokenKeyUnknown,
                    try material.token(header: header.with("kid", nil)) { try attacker.sign($0) }
                ),
            ]
        }
    }
}
