// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import NIOCore
import NIOEmbedded
import NIOOpenSSL
import TestSupport
import Testing

@Suite struct HostileInputTests {
    let context: TLSContext

    init() throws {
        context = try TestIdentity().context()
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST /predict HTTP/1.1\r\n\r\n", "DELETE /v1 HTTP/1.1\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\n\r\n", "CONNECT x:443 HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ])
    func `plain HTTP is named as such and closed`(request: String) throws {
        let pair = try Pair(context, TestClient())
        try pair.deliver(Array(request.utf8))
        #expect(pair.application.errors.map(\.code) == [.plaintextRequest])
        #expect(pair.application.bytes.isEmpty)
        #expect(!pair.isOpen)
    }

    @Test func `a handshake that is not finished in time is given up`() throws {
        let pair = try Pair(context, TestClient())
        pair.client.handshake()
        let hello = pair.client.takeOutput()
        try pair.deliver(Array(hello.dropLast()))
        pair.channel.embeddedEventLoop.advanceTime(by: .milliseconds(9999))
        #expect(pair.isOpen)
        pair.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(!pair.isOpen)
        #expect(pair.application.errors.map(\.code) == [.handshakeTimeout])
    }

    @Test func `a client that says nothing is given up`() throws {
        let pair = try Pair(context, TestClient())
        pair.channel.embeddedEventLoop.advanceTime(by: .seconds(10))
        #expect(!pair.isOpen)
        #expect(pair.application.errors.map(\.code) == [.handshakeTimeout])
    }

    @Test func `a connection that shook hands is not timed out`() throws {
        let pair = try Pair(context, TestClient())
        pair.shakeHands()
        pair.channel.embeddedEventLoop.advanceTime(by: .hours(1))
        #expect(pair.isOpen)
    }

    @Test(arguments: bothVersions)
    func `a damaged record ends the connection with an alert and an error`(version: Int32) throws {
        let pair = try Pair(context, TestClient(version: version))
        pair.shakeHands()
        pair.client.write("secret")
        var record = pair.client.takeOutput()
        record[record.count - 1] ^= 1
        try pair.deliver(record)
        #expect(pair.application.errors.map(\.code) == [.protocolViolation])
        #expect(pair.application.bytes.isEmpty)
        #expect(try pair.collect() > 0)
        #expect(!pair.isOpen)
        #expect(ERR_peek_error() == 0)
    }

    @Test func `what follows a failure is ignored`() throws {
        let pair = try Pair(context, TestClient())
        pair.channel.pipeline.fireChannelRead(ByteBuffer(bytes: [0, 1, 2, 3, 4, 5, 6]))
        pair.channel.pipeline.fireChannelRead(ByteBuffer(bytes: [7, 8, 9]))
        #expect(pair.application.errors.count == 1)
    }

    @Test func `random bytes never do more than end the connection`() throws {
        var generator = SeededGenerator(seed: 42)
        for _ in 0..<300 {
            let pair = try Pair(context, TestClient())
            var bytes = (0..<Int.random(in: 1...600, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            if Bool.random(using: &generator) {
                // A plausible header leads further in.
                bytes = [22, 3, 1, 0, UInt8(min(bytes.count, 255)), 1, 0, 0] + bytes
            }
            try? pair.deliver(bytes)
            pair.channel.embeddedEventLoop.advanceTime(by: .seconds(20))
            #expect(!pair.isOpen)
            #expect(pair.application.handshake == nil)
            #expect(pair.application.errors.count == 1)
        }
    }

    @Test(arguments: bothVersions)
    func `a client flight with one byte changed never delivers other data`(version: Int32) throws {
        var generator = SeededGenerator(seed: 43)
        for _ in 0..<150 {
            let pair = try Pair(context, TestClient(version: version))
            for _ in 0..<4 {
                let done = pair.client.handshake()
                if done { pair.client.write("true") }
                var flight = pair.client.takeOutput()
                if !flight.isEmpty, Int.random(in: 0..<3, using: &generator) == 0 {
                    let position = Int.random(in: 0..<flight.count, using: &generator)
                    flight[position] ^= UInt8.random(in: 1...255, using: &generator)
                }
                try? pair.deliver(flight)
                try pair.collect()
            }
            #expect("truetruetruetrue".hasPrefix(pair.application.text))
            #expect(pair.application.errors.count <= 1)
        }
    }
}
