// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// One token that must not open the door, by name.
struct TokenAttack: Sendable {
    /// Who wrote it down: an RFC and section, a CVE, or the design.
    let source: String
    let name: String
    /// What follows `Bearer `.
    let token: [UInt8]
    /// The reason code of the refusal.
    let code: String

    init(_ source: String, _ name: String, _ code: ReasonCode, _ token: String) {
        self.init(source, name, code, bytes: Array(token.utf8))
    }

    init(_ source: String, _ name: String, _ code: ReasonCode, bytes: [UInt8]) {
        self.source = source
        self.name = name
        self.code = code.rawValue
        token = bytes
    }

    /// All of them, against a gateway that signs with the material's key.
    static func all(_ material: AttackMaterial) throws -> [TokenAttack] {
        try form(material) + header(material) + algorithm(material) + key(material) + claims(material)
            + moments(material) + signature(material)
    }
}
