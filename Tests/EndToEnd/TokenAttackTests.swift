// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCrypto
import Testing

/// Every attack on tokens that somebody has written down, against the real program, while a hundred others work on.
///
/// The attacks are in TokenAttacks/. All carry the gateway's own signature where theirs is not the fault, so each shows
/// one check.
@Suite(.serialized) struct TokenAttackTests {
    /// A hundred connections that ask again and again until told to stop.
    private final class Crowd: Sendable {
        static let size = 100
        private let stop = Tally()
        private let right = Tally()
        private let workers: Workers<[Int]>

        /// - Returns: when each of them has had its first answer.
        init(_ gateway: GatewayProcess, token: String) throws {
            let (stop, right) = (self.stop, self.right)
            let threads = 4
            workers = Workers(threads) { _ in
                let connections = try (0..<Crowd.size / threads).map { _ in try gateway.rawTLS() }
                var others: [Int] = []
                while stop.count == 0 {
                    for connection in connections { connection.send(TokenAttackTests.request(Array(token.utf8))) }
                    for connection in connections {
                        let status = try connection.answer().status
                        if status == 200 { right.add() } else { others.append(status) }
                    }
                }
                return others
            }
            try more()
        }

        /// Waits until each has had another answer since.
        func more() throws {
            let goal = right.count + 2 * Crowd.size
            _ = try eventually("answers for the others") { right.count >= goal ? true : nil }
        }

        /// - Returns: every status but 200.
        func end() throws -> [Int] {
            stop.add()
            return try workers.join().flatMap { $0 }
        }
    }

    private static func request(_ token: [UInt8]) -> [UInt8] {
        Array("GET /v1/models/digits HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ".utf8) + token
            + Array("\r\n\r\n".utf8)
    }

    @Test(
        "No attack is accepted, each is told why, no connection ends, and a hundred others see nothing of it",
        arguments: [SignatureAlgorithm.es256, .rs256]
    )
    func attacks(algorithm: SignatureAlgorithm) throws {
        try withGateway(GatewayProcess.Settings(fields: ["tokens.algorithm": algorithm.rawValue])) { gateway in
            let material = try AttackMaterial(gateway, algorithm: algorithm)
            let attacks = try TokenAttack.all(material)
            #expect(attacks.count >= 580)
            #expect(Set(attacks.map { "\($0.source): \($0.name)" }).count == attacks.count, "each has its own name")
            let honest = Array(try material.honest.utf8)
            let crowd = try Crowd(gateway, token: String(decoding: honest, as: UTF8.self))

            // Several, so that each loop has some.
            let connections = try (0..<8).map { _ in try gateway.rawTLS() }
            var refused = 0
            for start in stride(from: 0, to: attacks.count, by: connections.count) {
                let round = Array(zip(connections, attacks[start...]))
                for (connection, attack) in round { connection.send(Self.request(attack.token)) }
                for (connection, attack) in round {
                    let answer = try connection.answer()
                    try expect(answer, refusedAs: attack)
                    if answer.status == 401 { refused += 1 }
                }
            }
            #expect(refused == attacks.count)

            try crowd.more()
            for connection in connections {
                connection.send(Self.request(honest))
                #expect(try connection.answer().status == 200, "the connection lives, and the token is still good")
            }
            #expect(try crowd.end() == [])
            for (code, attacks) in Dictionary(grouping: attacks, by: \.code) {
                let records = try gateway.records("reason=\(code)&status=401&page_size=1000")
                #expect(records.count == attacks.count, "\(code): each refusal is on record")
            }
            // Only what is meant to divide the two verifiers did.
            let divided = attacks.count { $0.code == ReasonCode.tokenDoorsDisagree.rawValue }
            #expect(try gateway.metric("tollgate_token_verifier_disagreements_total") == Double(divided))
            #expect(try gateway.terminate() == .exited(0), "\(gateway.log)")
        }
    }

    @Test("The same over HTTP/2, on one connection")
    func http2() throws {
        try withGateway { gateway in
            let material = try AttackMaterial(gateway, algorithm: .es256)
            let peer = try gateway.http2()
            var refused = 0
            // What the harness can hand on as a C string.
            let attacks = try TokenAttack.all(material).filter { String(validating: $0.token, as: UTF8.self) != nil }
            for attack in attacks {
                let token = String(decoding: attack.token, as: UTF8.self)
                let answer = try peer.answer(peer.request("GET", "/v1/models/digits", credential: token))
                #expect(try answer.json["code"]?.string == attack.code, "\(attack.name)")
                if answer.status == 401 { refused += 1 }
            }
            #expect(refused == attacks.count && refused >= 580)
            let stream = peer.request("GET", "/v1/models/digits", credential: try material.honest)
            #expect(try peer.answer(stream).status == 200)
            #expect(peer.goAways.isEmpty)
        }
    }

    @Test("A token with a byte that no field may have is refused with its request")
    func unsendable() throws {
        try withGateway { gateway in
            let honest = Array(try gateway.token(gateway.makeTenant()).utf8)
            for byte: UInt8 in [0, 1, 10, 13, 127] {
                for place in [0, 20, honest.count / 2] {
                    let connection = try gateway.rawTLS()
                    connection.send(Self.request(honest[..<place] + [byte] + honest[place...]))
                    #expect(try connection.answer().status == 400, "\(byte) at \(place)")
                }
            }
        }
    }

    private func expect(_ answer: Answer, refusedAs attack: TokenAttack) throws {
        let what: Comment = "\(attack.source): \(attack.name): \(answer.status) \(answer.text)"
        #expect(answer.status == 401, what)
        #expect(try answer.json["code"]?.string == attack.code, what)
        let challenge = answer.header("WWW-Authenticate") ?? ""
        #expect(challenge.hasPrefix("Bearer realm=\"tollgate\", error=\"invalid_token\", error_description=\""), what)
        // RFC 6750, section 3: printable ASCII without quotes and backslashes within the quotes.
        let description = challenge.dropLast().split(separator: "error_description=\"").last ?? ""
        #expect(description.utf8.allSatisfy { (0x20...0x7e).contains($0) && $0 != 0x22 && $0 != 0x5c }, what)
        // Nothing of the token comes back.
        if attack.token.count > 60 {
            let piece = String(decoding: attack.token.dropFirst(30).prefix(24), as: UTF8.self)
            #expect(!answer.text.contains(piece) && !challenge.contains(piece), what)
        }
    }
}
