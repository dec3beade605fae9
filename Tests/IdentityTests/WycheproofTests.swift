// SPDX-License-Identifier: Apache-2.0

import GatewayCore
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
        let document = try JSON.parse(Vectors.file("wycheproof_json_web_signature_test"))
        var accepted = 0
        var refused = 0
        var differing: Set<Int64> = []
        for group in try #require(document["testGroups"]?.array) {
            let key = Vectors.key(try #require(group["public"] ?? group["private"]))
            for test in try #require(group["tests"]?.array) {
                let id = try #require(test["tcId"]?.integer)
                let isAccepted = key.map { Vectors.accepts(test["jws"]?.string ?? "", key: $0) } ?? false
                if isAccepted { accepted += 1 } else { refused += 1 }
                if isAccepted != (test["result"]?.string == "valid") { differing.insert(id) }
            }
        }
        #expect(differing == Set(Self.exceptions.keys))
        // 40 of the 46 valid ones, and the two that were meant to be invalid but are not.
        #expect(accepted == 42)
        #expect(refused == 359)
    }

    /// Both are about sets: a set that mixes secrets with public keys, and one with a `kid` twice. Key by key they hold.
    static let aboutSets: Set<Int64> = [1, 4]

    @Test("24 of 26 vectors about keys are judged as expected, and the other two are about sets of keys")
    func keys() throws {
        let document = try JSON.parse(Vectors.file("wycheproof_json_web_key_test"))
        var accepted = 0
        var refused = 0
        var differing: Set<Int64> = []
        for group in try #require(document["testGroups"]?.array) {
            let set = try #require(group["public"] ?? group["private"])
            for test in try #require(group["tests"]?.array) {
                let token = try #require(test["jws"]?.string)
                let isAccepted = (set["keys"]?.array ?? []).contains { Vectors.accepts(token, jwk: $0) }
                if isAccepted { accepted += 1 } else { refused += 1 }
                if isAccepted != (test["result"]?.string == "valid") { differing.insert(test["tcId"]?.integer ?? 0) }
            }
        }
        #expect(differing == Self.aboutSets)
        #expect(accepted == 7)
        #expect(refused == 19)
    }
}
