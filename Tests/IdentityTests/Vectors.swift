// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCrypto

@testable import Identity

/// What all tests with published vectors need: the files, and the gate's own parser and check without an issuer.
enum Vectors {
    /// A file of Resources, without `.json`.
    static func file(_ name: String) throws -> [UInt8] {
        guard let url = Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Resources") else {
            throw CocoaError(.fileNoSuchFile)
        }
        return [UInt8](try Data(contentsOf: url))
    }

    /// nil for what may be no key here.
    static func key(_ jwk: JSON) -> VerificationKey? {
        guard jwk["kty"]?.string == "oct" else { return try? VerificationKey(jwk: jwk) }
        guard let secret = Base64URL.decode((jwk["k"]?.string ?? "").utf8),
            let algorithm = SignatureAlgorithm(jose: jwk["alg"]?.string ?? "")
        else { return nil }
        return try? VerificationKey(secret: secret, algorithm: algorithm)
    }

    static func accepts(_ text: String, key: VerificationKey) -> Bool {
        Array(text.utf8).withUnsafeBytes { token in
            guard let jws = try? CompactJWS(token) else { return false }
            return jws.isSigned(by: key, in: token)
        }
    }

    static func accepts(_ text: String, jwk: JSON) -> Bool { key(jwk).map { accepts(text, key: $0) } ?? false }
}
