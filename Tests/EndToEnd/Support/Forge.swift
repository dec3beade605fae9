// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCrypto

/// Makes access tokens that the gateway would never make, with the gateway's own key where they need one.
struct Forge {
    let key: SigningKey
    private let tenant: TestTenant

    init(_ gateway: GatewayProcess, for tenant: TestTenant, algorithm: SignatureAlgorithm = .es256) throws {
        let file = FileManager.default.contents(atPath: "\(gateway.state)/signing-keys") ?? Data()
        let keys = try JSON.parse(Array(file))["keys"]?.array ?? []
        let current = keys.first { $0["state"] == "current" }
        key = try SigningKey(privatePEM: current?["private_key"]?.string ?? "", algorithm: algorithm)
        self.tenant = tenant
    }

    /// The header of an honest token.
    var header: [String: JSON] { ["alg": .string(key.algorithm.rawValue), "typ": "JWT", "kid": .string(key.keyID)] }

    /// The claims of an honest token.
    var claims: [String: JSON] {
        let now = Int64(Date().timeIntervalSince1970)
        return [
            "iss": "https://localhost:8443", "aud": "tollgate", "sub": .string(tenant.keyID),
            "client_id": .string(tenant.keyID), "tenant": .string(tenant.id), "scope": "predict",
            "jti": .string("forged-\(TestRun.next())"), "iat": .integer(now), "nbf": .integer(now),
            "exp": .integer(now + 600),
        ]
    }

    /// A token with some members of header and claims replaced.
    ///
    /// - Parameter sign: the signature of the bytes; nil signs with the gateway's key.
    func token(
        header: [String: JSON] = [:],
        claims: [String: JSON] = [:],
        sign: (([UInt8]) throws -> [UInt8])? = nil
    ) throws -> String {
        let parts = [self.header.merging(header) { $1 }, self.claims.merging(claims) { $1 }].map { members in
            let json = JSON.object(members.sorted { $0.key < $1.key }.map { JSON.Member($0.key, $0.value) })
            return Base64URL.encode(json.serialized().utf8)
        }
        let signed = parts.joined(separator: ".")
        let signature = try sign.map { try $0(Array(signed.utf8)) } ?? key.sign(Array(signed.utf8))
        return "\(signed).\(Base64URL.encode(signature))"
    }
}
