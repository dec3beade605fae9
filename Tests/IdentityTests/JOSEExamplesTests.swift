// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCrypto
import Testing

@testable import Identity

/// What the standards' own appendices sign: RFC 7515, appendix A; RFC 7520, section 4; RFC 8037, appendix A.4.
@Suite struct JOSEExamplesTests {
    struct Example: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let jwk: JSON
        let token: String
        let isValid: Bool
    }

    static let examples: [Example] = {
        let document = try? JSON.parse(Vectors.file("jose_examples"))
        return (document?["examples"]?.array ?? []).compactMap { example in
            guard let name = example["name"]?.string, let jwk = example["jwk"], let token = example["token"]?.string
            else { return nil }
            return Example(
                testDescription: name,
                jwk: jwk,
                token: token,
                isValid: example["result"]?.string == "valid"
            )
        }
    }()

    @Test("eleven examples of the standards verify, and the four that no access token may be like do not")
    func counts() {
        #expect(Self.examples.count == 15)
        #expect(Self.examples.count { $0.isValid } == 11)
        #expect(Self.examples.count { Vectors.accepts($0.token, jwk: $0.jwk) } == 11)
    }

    @Test("the example is judged as its standard says, and refused with any one part of another", arguments: examples)
    func example(example: Example) throws {
        #expect(Vectors.accepts(example.token, jwk: example.jwk) == example.isValid)
        guard example.isValid else { return }
        let parts = example.token.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        for other in Self.examples {
            let others = other.token.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            for part in 0..<3 where parts[part] != others[part] {
                var mixed = parts
                mixed[part] = others[part]
                #expect(!Vectors.accepts(mixed.joined(separator: "."), jwk: example.jwk), "\(other.testDescription)")
            }
        }
    }
}
