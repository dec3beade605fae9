// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import NIOCore
import NIOEmbedded
import NIOOpenSSL
import TestSupport
import Testing

@Suite struct TransferTests {
    let identity: TestIdentity

    init() throws {
        identity = try TestIdentity()
    }

    /// Bytes that repeat in no short period.
    private func pattern(_ count: Int) -> [UInt8] {
        var generator = SeededGenerator(seed: UInt64(count))
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    }

    @Test(arguments: bothVersions, [1379, 16384, 65536])
    func `megabytes arrive whole in odd chunks and are echoed whole`(version: Int32, chunk: Int) throws {
        let pair = try Pair.connected(identity, version: version, application: .echo())
        pair.chunkSize = chunk
        let sent = pattern(3_000_001)
        var received: [UInt8] = []
        var generator = SeededGenerator(seed: 1)
        var rest = sent[...]
        while !rest.isEmpty {
            let part = rest.prefix(Int.random(in: 1...50_000, using: &generator))
            rest = rest.dropFirst(part.count)
            pair.client.write(Array(part))
            try pair.pump()
            received += pair.client.read()
        }
        #expect(pair.application.bytes == sent)
        #expect(received == sent)
    }

    @Test(arguments: bothVersions)
    func `one large write arrives whole and leaves in one channel write`(version: Int32) throws {
        let pair = try Pair.connected(identity, version: version)
        let sent = pattern(4_194_305)
        pair.channel.writeAndFlush(ByteBuffer(bytes: sent), promise: nil)
        try pair.collect()
        #expect(pair.writeSizes.count == 1)
        #expect(pair.client.read() == sent)
    }

    @Test(arguments: bothVersions)
    func `writes of any sizes between flushes arrive in order`(version: Int32) throws {
        let pair = try Pair.connected(identity, version: version)
        var generator = SeededGenerator(seed: 7)
        for round in 0..<60 {
            var sent: [UInt8] = []
            for _ in 0..<Int.random(in: 1...9, using: &generator) {
                let size = [0, 1, 100, 16383, 16384, 16385, 40000].randomElement(using: &generator) ?? 0
                let part = pattern(size + round % 2)
                sent += part
                pair.channel.write(ByteBuffer(bytes: part), promise: nil)
            }
            pair.channel.flush()
            try pair.collect()
            #expect(pair.writeSizes.count == 1)
            #expect(pair.client.read() == sent)
        }
    }

    @Test func `small writes before a flush share one record`() throws {
        let pair = try Pair.connected(identity, version: TLS1_3_VERSION)
        for part in ["HTTP/1.1 200 OK\r\n", "content-length: 2\r\n\r\n", "{}"] {
            pair.channel.write(ByteBuffer(string: part), promise: nil)
        }
        pair.channel.flush()
        try pair.collect()
        // A record of TLS 1.3 adds 22 bytes: header, content type and tag (RFC 8446 section 5.2).
        #expect(pair.writeSizes == [17 + 21 + 2 + 22])
        #expect(pair.client.readText() == "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
    }

    @Test func `gathered and large writes fill their records`() throws {
        let pair = try Pair.connected(identity, version: TLS1_3_VERSION)
        for size in [100, 16384 * 2, 50] {
            pair.channel.write(ByteBuffer(bytes: pattern(size)), promise: nil)
        }
        pair.channel.flush()
        try pair.collect()
        #expect(pair.writeSizes == [16384 * 2 + 150 + 3 * 22])
    }

    @Test func `every write's promise is kept, also of empty writes`() throws {
        let pair = try Pair.connected(identity, version: TLS1_3_VERSION)
        var kept = 0
        for text in ["", "a", "", "b"] {
            let promise = pair.channel.eventLoop.makePromise(of: Void.self)
            promise.futureResult.assumeIsolated().whenSuccess { kept += 1 }
            pair.channel.write(ByteBuffer(string: text), promise: promise)
        }
        #expect(kept == 0)
        pair.channel.flush()
        #expect(kept == 4)
        let promise = pair.channel.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenSuccess { kept += 1 }
        pair.channel.writeAndFlush(ByteBuffer(), promise: promise)
        #expect(kept == 5)
        try pair.collect()
        #expect(pair.client.readText() == "ab")
    }

    @Test func `several records in one delivery make one read`() throws {
        let pair = try Pair.connected(identity, version: TLS1_3_VERSION)
        for part in ["GET / ", "HTTP/1.1", "\r\n\r\n"] {
            pair.client.write(part)
        }
        try pair.pump()
        #expect(pair.application.text == "GET / HTTP/1.1\r\n\r\n")
        #expect(pair.application.reads == 1)
    }

    @Test func `a buffer the application keeps is not written again`() throws {
        let pair = try Pair.connected(identity, version: TLS1_3_VERSION)
        var kept: [ByteBuffer] = []
        pair.application.onRead = { _, buffer in kept.append(buffer) }
        for word in ["first", "second", "third"] {
            pair.client.write(word)
            try pair.pump()
        }
        #expect(kept.map { String(buffer: $0) } == ["first", "second", "third"])
    }

    @Test func `connections of one event loop do not mix when one speaks inside another's read`() throws {
        // Two handlers in one channel's loop share buffers; here the second is driven from the first one's read.
        let context = try identity.context()
        let loop = EmbeddedEventLoop()
        let inner = try Pair(context, TestClient(), loop: loop)
        let outer = try Pair(context, TestClient(), loop: loop)
        inner.shakeHands()
        outer.shakeHands()
        outer.application.onRead = { channel, buffer in
            inner.client.write("inner")
            try? inner.pump()
            channel.writeAndFlush(NIOAny(buffer), promise: nil)
        }
        outer.client.write("outer")
        try outer.pump()
        #expect(inner.application.text == "inner")
        #expect(outer.application.text == "outer")
        #expect(outer.client.readText() == "outer")
    }

    @Test func `a key update asked for by the client is answered in order`() throws {
        let pair = try Pair.connected(identity, version: TLS1_3_VERSION, application: .echo())
        for round in 0..<5 {
            SSL_key_update(pair.client.ssl, SSL_KEY_UPDATE_REQUESTED)
            pair.client.write("round \(round)")
            try pair.pump()
            #expect(pair.client.readText() == "round \(round)")
        }
    }
}
