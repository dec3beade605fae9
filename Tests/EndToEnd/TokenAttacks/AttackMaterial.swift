// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCrypto

/// What attackers have, and more: the gateway's own signing key, so that each attack has one fault alone.
struct AttackMaterial {
    /// A JSON object as text, so that its values may be what no JSON writer would write.
    struct Text {
        var members: [(name: String, value: String)]

        /// Replaces a member's value, or adds it; nil takes the member out.
        func with(_ name: String, _ value: String?) -> Text {
            guard let value else { return Text(members: members.filter { $0.name != name }) }
            guard members.contains(where: { $0.name == name }) else { return adding(name, value) }
            return Text(members: members.map { $0.name == name ? (name, value) : $0 })
        }

        /// Adds a member, also where one of its name is.
        func adding(_ name: String, _ value: String) -> Text { Text(members: members + [(name, value)]) }

        var json: String { "{\(members.map { "\"\($0.name)\":\($0.value)" }.joined(separator: ","))}" }
    }

    let key: SigningKey
    /// Of the same algorithm, and unknown to the gateway.
    let stranger: SigningKey
    let now = Int64(Date().timeIntervalSince1970)
    let header: Text
    let claims: Text
    /// A tenant that the token is not for, and its key's id.
    let other: TestTenant

    init(_ gateway: GatewayProcess, algorithm: SignatureAlgorithm) throws {
        let tenant = try gateway.makeTenant()
        key = try Forge(gateway, for: tenant, algorithm: algorithm).key
        stranger = try SigningKey.generate(algorithm)
        other = try gateway.makeTenant()
        header = Text(members: [
            ("alg", "\"\(algorithm.rawValue)\""), ("typ", "\"JWT\""), ("kid", "\"\(key.keyID)\""),
        ])
        claims = Text(members: [
            ("iss", "\"https://localhost:8443\""), ("aud", "\"tollgate\""), ("sub", "\"\(tenant.keyID)\""),
            ("client_id", "\"\(tenant.keyID)\""), ("tenant", "\"\(tenant.id)\""),
            ("scope", "\"predict models:read\""), ("jti", "\"attack-\(TestRun.next())\""), ("iat", "\(now)"),
            ("nbf", "\(now)"), ("exp", "\(now + 3000)"),
        ])
    }

    var algorithm: SignatureAlgorithm { key.algorithm }

    // MARK: - Tokens

    /// The token that the attacks are changes of; it is accepted.
    var honest: String { get throws { try token() } }

    static func base64(_ text: String) -> String { Base64URL.encode(text.utf8) }

    func token(
        header: Text? = nil,
        claims: Text? = nil,
        sign: (([UInt8]) throws -> [UInt8])? = nil
    ) throws -> String {
        try token(header: (header ?? self.header).json, payload: (claims ?? self.claims).json, sign: sign)
    }

    /// A token of exactly these texts; without `sign` the gateway's own key signs it.
    func token(header: String, payload: String, sign: (([UInt8]) throws -> [UInt8])? = nil) throws -> String {
        try token(header: Array(header.utf8), payload: Array(payload.utf8), sign: sign)
    }

    func token(header: [UInt8], payload: [UInt8], sign: (([UInt8]) throws -> [UInt8])? = nil) throws -> String {
        try token(signed: "\(Base64URL.encode(header)).\(Base64URL.encode(payload))", sign: sign)
    }

    /// A signature behind whatever stands before the second dot.
    func token(signed: String, sign: (([UInt8]) throws -> [UInt8])? = nil) throws -> String {
        let bytes = Array(signed.utf8)
        return try "\(signed).\(Base64URL.encode(sign.map { try $0(bytes) } ?? key.sign(bytes)))"
    }
}
