// SPDX-License-Identifier: Apache-2.0

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

    @Test func `the name of a segment is its first index in twenty digits`() {
        #expect(SegmentFile.name(first: 0) == "00000000000000000000.journal")
        #expect(SegmentFile.name(first: .max) == "18446744073709551615.journal")
    }
}
