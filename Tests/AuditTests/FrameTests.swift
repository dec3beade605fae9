// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Audit

@Suite struct FrameTests {
    @Test func `the checksum is CRC-32C`() {
        func checksum(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { CRC32C.checksum($0) } }
        #expect(checksum(Array("123456789".utf8)) == 0xe306_9283)
        // RFC 3720, appendix B.4.
        #expect(checksum([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(checksum([UInt8](repeating: 0xff, count: 32)) == 0x62a8_ab43)
        #expect(checksum((0..<32).map { UInt8($0) }) == 0x46dd_794e)
        #expect(checksum([]) == 0)
    }

    @Test func `three checksums at once are those of each piece alone, as the table gives them`() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            let pieces = (0..<3).map { _ in
                (0..<Int.random(in: 0...100, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            }
            let together = pieces[0].withUnsafeBytes { a in
                pieces[1].withUnsafeBytes { b in
                    pieces[2].withUnsafeBytes { c in CRC32C.checksums(a, b, c) }
                }
            }
            #expect([together.0, together.1, together.2] == pieces.map { $0.withUnsafeBytes { CRC32C.byTable($0) } })
            #expect(pieces.allSatisfy { $0.withUnsafeBytes { CRC32C.checksum($0) == CRC32C.byTable($0) } })
        }
    }

    @Test func `the name of a segment is its first index in twenty digits`() {
        #expect(SegmentFile.name(first: 0) == "00000000000000000000.journal")
        #expect(SegmentFile.name(first: .max) == "18446744073709551615.journal")
    }
}
