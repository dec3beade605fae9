// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Testing

@testable import GatewayCrypto

/// Queries of RFC 3161 and what is no answer to one; answers of an authority are in the end-to-end tests.
struct TimestampQueryTests {
    @Test func `a query has the digest, a nonce of its own, and asks for the certificate, in DER`() throws {
        let data = Array("checkpoint".utf8)
        // SEQUENCE { version 1, { { sha256, NULL }, digest }, nonce, certReq TRUE }
        let algorithm: [UInt8] = [
            0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
        ]
        let imprint: [UInt8] = [0x30, 0x31] + algorithm + [0x04, 0x20] + SHA256.hash(data)
        var nonces: Set<[UInt8]> = []
        for _ in 0..<200 {
            let bytes = try TimestampQuery(for: data).bytes
            let head: [UInt8] = [0x30, 0x43, 0x02, 0x01, 0x01] + imprint + [0x02, 0x08]
            #expect(bytes.starts(with: head))
            #expect(bytes.suffix(3) == [0x01, 0x01, 0xff] && bytes.count == head.count + 8 + 3)
            nonces.insert(Array(bytes[head.count..<head.count + 8]))
        }
        #expect(nonces.count == 200)
    }

    @Test func `noise is no answer, nor is a refusal, and neither leaves an error behind for another`() throws {
        let query = try TimestampQuery(for: [1, 2, 3])
        func reason(_ response: [UInt8]) -> String {
            do {
                _ = try query.time(of: response)
                return "kept"
            } catch {
                return "\(error)"
            }
        }
        #expect(reason([]) == "answers with no time-stamp response")
        #expect(reason(Array("<html>".utf8)) == "answers with no time-stamp response")
        // SEQUENCE { SEQUENCE { status } }
        let rejection: [UInt8] = [0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02]
        #expect(reason(rejection) == "refuses with status 2 (RFC 3161, section 2.4.2)")
        #expect(reason(rejection + [0]) == "answers with something behind its time-stamp response")
        let granted: [UInt8] = [0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x00]
        #expect(reason(granted).hasPrefix("answers with"))
        for number in 0..<2000 {
            let noise = Array(SHA256.hash(Array("\(number)".utf8)).prefix(number % 33))
            #expect(reason(noise) != "kept")
            #expect(reason(query.bytes + noise) != "kept")
        }
        #expect(ERR_peek_error() == 0)
    }
}
