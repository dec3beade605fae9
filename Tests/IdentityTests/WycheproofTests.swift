// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCrypto
import Testing

@testable import Identity

/// Project Wycheproof's vectors for JSON Web Signatures (C2SP/wycheproof, commit dac1dd4, Apache-2.0), through the same
/// parser and signature check as the gate.
@Suite struct WycheproofTests {
    /// The vectors a strict verifier judges otherwise, and why.
    static let exceptions: [Int64: String] = [
        346: "says PS384 with a key for PS256", 350: "says PS384 with a key for PS256",
        347: "the key's alg is ES521, which no registry has", 351: "the key's alg is ES521, which no registry has",
        367: "is the valid 357 byte for byte: its padding was lost", 370: "is the valid 357 byte for byte",
        372: "has a question mark among its base64url", 373: "has a question mark among its base64url",
    ]

    @Test("393 of 401 vectors are judged as expected, and the other eight for reasons known")
    func vectors() throws {
        let file = try #require(
            Bundle.module.url(
                forResource: "wycheproof_json_web_signature_test",
                withExtension: "json",
                subdirectory: "Resources"
            )
        )
        let document = try JSON.parse([UInt8](Data(contentsOf: file)))
        var accepted = 0
        var refused = 0
        var differing: Set<Int64> = []
        for group in try #require(document["testGroups"]?.array) {
            let key = Self.key(try #require(group["public"] ?? group["private"]))
            for test in try #require(group["tests"]?.array) {
                let id = try #require(test["tcId"]?.integer)
                let isAccepted = key.map { Self.accepts(test["jws"]?.string ?? "", key: $0) } ?? false
                if isAccepted { accepted += 1 } else { refused += 1 }
                if isAccepted != (test["result"]?.string == "valid") { differing.insert(id) }
            }
        }
        #expect(differing == Set(Self.exceptions.keys))
        // 40 of the 46 valid ones, and the two that were meant to be invalid but are not.
        #expect(accepted == 42)
        #expect(refused == 359)
    }

    private static func key(_ jwk: JSON) -> VerificationKey? {
        guard jwk["kty"]?.string == "oct" else { return try? VerificationKey(jwk: jwk) }
        guard let secret = Base64URL.decode((jwk["k"]?.string ?? "").utf8),
            let algorithm = SignatureAlgorithm(rawValue: jwk["alg"]?.string ?? "")
        else { return nil }
        return try? VerificationKey(secret: secret, algorithm: algorithm)
    }

    private static func accepts(_ text: String, key: VerificationKey) -> Bool {
        Array(text.utf8).withUnsafeBytes { token in
            guard let jws = try? CompactJWS(token) else { return false }
            return jws.isSigned(by: key, in: token)
        }
    }
}
