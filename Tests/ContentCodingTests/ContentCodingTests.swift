// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import ContentCoding

@Suite struct ContentCodingTests {
    private func decode(_ body: [UInt8], _ coding: ContentCoding, limit: Int = 1 << 20) throws -> [UInt8] {
        try body.withUnsafeBytes { try coding.decode($0, limit: limit) }
    }

    @Test(arguments: ContentCoding.allCases)
    func `what is encoded decodes to itself, whatever its size`(coding: ContentCoding) throws {
        var random = SeededGenerator(seed: 7)
        for size in [1, 100, 65_535, 65_536, 65_537, 300_000] {
            let body = (0..<size).map { _ in UInt8.random(in: 48...57, using: &random) }
            guard let encoded = coding.encode(body) else {
                #expect(size < 200)
                continue
            }
            #expect(encoded.count <= size - size / 8)
            #expect(try decode(encoded, coding) == body)
        }
    }

    @Test func `what does not become smaller is not encoded`() {
        var random = SeededGenerator(seed: 8)
        let noise = (0..<10_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        #expect(ContentCoding.gzip.encode(noise) == nil)
        #expect(ContentCoding.gzip.encode([]) == nil)
    }

    @Test func `members of gzip that follow each other are one body`() throws {
        let one = try #require(ContentCoding.gzip.encode(Array(repeating: 1, count: 1000)))
        #expect(try decode(one + one, .gzip) == Array(repeating: 1, count: 2000))
        #expect(throws: ContentCodingError.malformed) { try decode(one + [1, 2, 3], .gzip) }
        let deflated = try #require(ContentCoding.deflate.encode(Array(repeating: 1, count: 1000)))
        #expect(throws: ContentCodingError.malformed) { try decode(deflated + deflated, .deflate) }
    }

    @Test func `a bomb ends at the limit`() throws {
        let bomb = try #require(ContentCoding.gzip.encode(Array(repeating: 0, count: 50 << 20)))
        #expect(bomb.count < 300_000)
        #expect(throws: ContentCodingError.tooLarge) { try decode(bomb, .gzip, limit: 1 << 20) }
        #expect(throws: ContentCodingError.tooLarge) { try decode(bomb + bomb, .gzip, limit: (50 << 20) + 1) }
        #expect(try decode(bomb, .gzip, limit: 50 << 20).count == 50 << 20)
    }

    @Test(arguments: ContentCoding.allCases)
    func `a body cut anywhere, or changed, decodes to itself or to nothing`(coding: ContentCoding) throws {
        var random = SeededGenerator(seed: 9)
        let body = (0..<500).map { _ in UInt8.random(in: 65...70, using: &random) }
        let encoded = try #require(coding.encode(body))
        for length in 0..<encoded.count {
            #expect(throws: ContentCodingError.malformed) { try decode(Array(encoded[..<length]), coding) }
        }
        for _ in 0..<2000 {
            var changed = encoded
            changed[Int.random(in: changed.indices, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
            // gzip's header has fields that change nothing; Adler-32 does not see every change of a short body.
            let decoded = try? decode(changed, coding)
            #expect(decoded == nil || decoded == body || coding == .deflate)
        }
    }

    @Test func `Accept-Encoding is read by its weights`() {
        let rows: [(String, ContentCoding?)] = [
            ("gzip", .gzip), ("GZIP, deflate", .gzip), ("deflate", .deflate), ("br, zstd", nil), ("", nil),
            ("gzip;q=0, deflate", .deflate), ("gzip; q=0.000", nil), ("gzip;q=0.5", .gzip), ("*", .gzip),
            (" br ,\tgzip ", .gzip), ("identity", nil), ("deflate;q=1.0,gzip;q=0.1", .gzip), ("gzipp", nil),
            (",,,", nil),
        ]
        for (field, coding) in rows {
            let bytes = Array(field.utf8)
            #expect(bytes.withUnsafeBytes { ContentCoding.accepted(by: $0) } == coding, "\(field)")
        }
    }

    @Test func `Content-Encoding is one coding`() {
        let rows: [(String, ContentCoding?)] = [
            ("gzip", .gzip), ("X-GZip", .gzip), ("deflate", .deflate), ("gzip, gzip", nil), ("br", nil),
            ("identity", nil),
        ]
        for (field, coding) in rows {
            let bytes = Array(field.utf8)
            #expect(bytes.withUnsafeBytes { ContentCoding(named: $0) } == coding, "\(field)")
        }
    }
}
