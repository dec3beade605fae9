// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import TLS
import TestSupport
import Testing

@Suite struct TransferTests {
    let context: TLSContext

    init() throws {
        context = try TestIdentity().context()
    }

    /// Bytes that repeat in no short period.
    private func pattern(_ count: Int) -> [UInt8] {
        var generator = SeededGenerator(seed: UInt64(count))
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    }

    @Test(arguments: bothVersions, [1379, 16384, 65536])
    func `megabytes arrive whole in odd chunks and are echoed whole`(version: Int32, chunk: Int) throws {
        let pair = try Pair.connected(context, version: version)
        pair.isEcho = true
        pair.chunkSize = chunk
        let sent = pattern(1_000_001)
        var received: [UInt8] = []
        var generator = SeededGenerator(seed: 1)
        var rest = sent[...]
        while !rest.isEmpty {
            let part = rest.prefix(Int.random(in: 1...50_000, using: &generator))
            rest = rest.dropFirst(part.count)
            pair.client.write(Array(part))
            pair.pump()
            received += pair.client.read()
        }
        #expect(pair.bytes == sent)
        #expect(received == sent)
    }

    @Test(arguments: bothVersions)
    func `one large write arrives whole, in full records`(version: Int32) throws {
        let pair = try Pair.connected(context, version: version)
        let sent = pattern(4_194_305)
        pair.write(sent)
        let records = pair.takeOutput()
        // Header, content type or nonce, and tag (RFC 8446 section 5.2, RFC 5288 section 3).
        #expect(records.count == sent.count + 257 * (version == TLS1_3_VERSION ? 22 : 29))
        pair.client.feed(records)
        #expect(pair.client.read() == sent)
    }

    @Test(arguments: bothVersions)
    func `writes of any sizes arrive in order`(version: Int32) throws {
        let pair = try Pair.connected(context, version: version)
        var generator = SeededGenerator(seed: 7)
        for round in 0..<60 {
            var sent: [UInt8] = []
            for _ in 0..<Int.random(in: 1...9, using: &generator) {
                let size = [1, 100, 16383, 16384, 16385, 40000].randomElement(using: &generator) ?? 1
                let part = pattern(size + round % 2)
                sent += part
                pair.write(part)
            }
            pair.collect()
            #expect(pair.client.read() == sent)
        }
    }

    @Test(arguments: bothVersions, [1, 7, 100])
    func `little room for plaintext loses nothing`(version: Int32, room: Int) throws {
        let pair = try Pair.connected(context, version: version)
        pair.readSize = room
        pair.chunkSize = 3000
        let sent = pattern(20_000)
        pair.client.write(sent)
        pair.pump()
        #expect(pair.bytes == sent)
    }

    @Test(arguments: bothVersions)
    func `data arrives whole when buffers are given back between the bytes`(version: Int32) throws {
        let pair = try Pair.connected(context, version: version)
        pair.isEcho = true
        for round in 0..<3 {
            pair.client.write("round \(round)")
            for byte in pair.client.takeOutput() {
                pair.releaseBuffers()
                pair.deliver([byte])
            }
            pair.releaseBuffers()
            pair.collect()
            #expect(pair.client.readText() == "round \(round)")
        }
        #expect(pair.text == "round 0round 1round 2")
    }

    /// Each record costs more than was reckoned with, so some do not fit the room that was made for them.
    @Test(arguments: bothVersions)
    func `a client that asks for small records gets them whole and in order`(version: Int32) throws {
        let pair = try Pair(context, TestClient(version: version))
        SSL_set_tlsext_max_fragment_length(pair.client.ssl, UInt8(TLSEXT_max_fragment_length_512))
        pair.shakeHands()
        for size in [1, 511, 513, 16384, 100_000, 1_000_000] {
            let sent = pattern(size)
            pair.write(sent)
            pair.write("end")
            pair.collect()
            #expect(pair.client.read() == sent + Array("end".utf8))
        }
    }

    @Test func `connections of one thread do not mix`() throws {
        let pairs = try (0..<8).map { index in
            try Pair.connected(context, version: bothVersions[index % 2])
        }
        for round in 0..<10 {
            for (index, pair) in pairs.enumerated() { pair.client.write("\(index)-\(round) ") }
            let flights = pairs.map { $0.client.takeOutput() }
            for position in 0..<(flights.map(\.count).max() ?? 0) {
                for (pair, flight) in zip(pairs, flights) where position < flight.count {
                    pair.deliver([flight[position]])
                }
            }
        }
        for (index, pair) in pairs.enumerated() {
            #expect(pair.text == (0..<10).map { "\(index)-\($0) " }.joined())
        }
    }
}
