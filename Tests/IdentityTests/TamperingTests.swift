// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import GatewayCore
import GatewayCrypto
import Testing

@testable import Identity

/// A signed token next to all those that differ from it by one character, under each algorithm.
@Suite struct TamperingTests {
    static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    /// What is no base64url: the dot, padding, the other alphabet, blanks, NUL, DEL, and bytes that are no ASCII.
    static let strangers: [UInt8] = Array(".=+/ \n\r\t%\0\u{7f}".utf8) + [0x80, 0xff]

    /// A token as short as an algorithm allows, and its bytes where a reader might take another spelling for the same.
    private struct Subject {
        let authenticator: Authenticator
        let token: [UInt8]
        private(set) var refused = 0
        private(set) var accepted: [String] = []

        init(_ algorithm: SignatureAlgorithm) throws {
            let key =
                try Fixture.signers[algorithm]?.verificationKey
                ?? VerificationKey(secret: Fixture.secret, algorithm: algorithm)
            authenticator = Authenticator(
                directory: Directory(tenants: [], keys: [], revokedTokens: []),
                pepper: Pepper(bytes: SecureRandom.bytes(32)),
                issuers: [TrustedIssuer(issuer: "i", keys: ["k": key], kind: .local)],
                audience: "a"
            )
            let header = #"{"alg":"\#(algorithm.rawValue)","kid":"k"}"#
            token = Array(try Fixture.token(header: header, payload: #"{"iss":"i"}"#, algorithm).utf8)
        }

        var isAccepted: Bool { accepts(token) }

        private func accepts(_ bytes: [UInt8]) -> Bool {
            bytes.withUnsafeBytes { authenticator.gate($0) }.code == .ok
        }

        mutating func attempt(_ bytes: [UInt8], _ what: @autoclosure () -> String) {
            if accepts(bytes) { accepted.append(what()) } else { refused += 1 }
        }
    }

    @Test("every change of one character is refused", arguments: SignatureAlgorithm.allCases)
    func change(algorithm: SignatureAlgorithm) throws {
        var subject = try Subject(algorithm)
        #expect(subject.isAccepted)
        let length = subject.token.count
        var bytes = subject.token
        for position in bytes.indices {
            let right = bytes[position]
            for byte in Self.alphabet + Self.strangers where byte != right {
                bytes[position] = byte
                subject.attempt(bytes, "\(byte) at \(position)")
            }
            bytes[position] = right
        }
        #expect(subject.accepted == [])
        #expect(subject.refused == length * (Self.alphabet.count + Self.strangers.count - 1))
        #expect(ERR_peek_error() == 0)
        #expect(subject.isAccepted, "the right one still is, after all that")
    }

    @Test("every character more is refused", arguments: SignatureAlgorithm.allCases)
    func insertion(algorithm: SignatureAlgorithm) throws {
        var subject = try Subject(algorithm)
        for position in 0...subject.token.count {
            var bytes = subject.token
            bytes.insert(0, at: position)
            for byte in Self.alphabet + Self.strangers {
                bytes[position] = byte
                subject.attempt(bytes, "\(byte) before \(position)")
            }
        }
        #expect(subject.accepted == [])
        #expect(subject.refused == (subject.token.count + 1) * (Self.alphabet.count + Self.strangers.count))
        #expect(ERR_peek_error() == 0)
    }

    @Test("every cut, character less and exchange of neighbours is refused", arguments: SignatureAlgorithm.allCases)
    func cuts(algorithm: SignatureAlgorithm) throws {
        var subject = try Subject(algorithm)
        let token = subject.token
        var attempts = 0
        for position in token.indices {
            var shorter = token
            shorter.remove(at: position)
            for bytes in [shorter, Array(token[..<position]), Array(token[(position + 1)...])] {
                subject.attempt(bytes, "cut at \(position)")
                attempts += 1
            }
            if position > 0, token[position - 1] != token[position] {
                var exchanged = token
                exchanged.swapAt(position - 1, position)
                subject.attempt(exchanged, "exchange at \(position)")
                attempts += 1
            }
        }
        #expect(subject.accepted == [])
        #expect(subject.refused == attempts && attempts > 3 * token.count)
        for bytes in [token + token, token + [46], [46] + token, [0xef, 0xbb, 0xbf] + token] {
            #expect(bytes.withUnsafeBytes { subject.authenticator.gate($0) }.code == .tokenMalformed)
        }
    }

    @Test("every bit of a signature counts", arguments: SignatureAlgorithm.allCases)
    func bits(algorithm: SignatureAlgorithm) throws {
        var subject = try Subject(algorithm)
        let dot = try #require(subject.token.lastIndex(of: UInt8(ascii: ".")))
        let signature = try #require(Base64URL.decode(subject.token[(dot + 1)...]))
        for bit in 0..<signature.count * 8 {
            var changed = signature
            changed[bit / 8] ^= 1 << (bit % 8)
            subject.attempt(subject.token[...dot] + Array(Base64URL.encode(changed).utf8), "bit \(bit)")
        }
        #expect(subject.accepted == [])
        #expect(subject.refused == signature.count * 8)
    }
}
