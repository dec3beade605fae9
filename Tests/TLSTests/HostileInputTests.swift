// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import TLS
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
    func `plain HTTP is named as such and answered in its own words`(request: String) throws {
        let pair = try Pair(context, TestClient())
        pair.deliver(Array(request.utf8))
        #expect(pair.error?.code == .plaintextRequest)
        #expect(pair.bytes.isEmpty)
        let answer = String(decoding: pair.takeOutput(), as: UTF8.self)
        let parts = answer.split(separator: "\r\n\r\n", omittingEmptySubsequences: false)
        #expect(answer.hasPrefix("HTTP/1.1 400 "))
        #expect(answer.contains("Content-Length: \(answer.utf8.count - parts[0].utf8.count - 4)\r\n"))
    }

    @Test(arguments: bothVersions)
    func `a damaged record ends the connection with an alert and an error`(version: Int32) throws {
        let pair = try Pair.connected(context, version: version)
        pair.client.write("secret")
        var record = pair.client.takeOutput()
        record[record.count - 1] ^= 1
        pair.deliver(record)
        #expect(pair.error?.code == .protocolViolation)
        #expect(pair.bytes.isEmpty)
        #expect(pair.collect() > 0)
        _ = pair.client.read()
        #expect(TestClient.lastError() == SSL_R_SSLV3_ALERT_BAD_RECORD_MAC)
    }

    @Test(arguments: bothVersions)
    func `a record that comes twice is refused`(version: Int32) throws {
        let pair = try Pair.connected(context, version: version)
        pair.client.write("once")
        let record = pair.client.takeOutput()
        pair.deliver(record + record)
        #expect(pair.text == "once")
        #expect(pair.error?.code == .protocolViolation)
    }

    @Test func `random bytes never do more than fail`() throws {
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
            pair.deliver(bytes)
            #expect(!pair.isEstablished)
            #expect(pair.bytes.isEmpty)
        }
    }

    /// The transcript covers the hello, so a change that the parser lets pass breaks the handshake at its end.
    @Test(arguments: bothVersions)
    func `a changed ClientHello never ends in a connection`(version: Int32) throws {
        var generator = SeededGenerator(seed: 44)
        for round in 0..<400 {
            let pair = try Pair(
                context,
                TestClient(version: version, protocols: ["h2", "http/1.1"], serverName: "localhost")
            )
            pair.client.handshake()
            var hello = pair.client.takeOutput()
            // The record's version (bytes 1 and 2) is outside of the transcript and means nothing (RFC 8446 section 5.1).
            let positions = [0] + Array(3..<hello.count)
            switch round % 4 {
            case 0, 1:
                for _ in 0...Int.random(in: 0...2, using: &generator) {
                    let position = positions.randomElement(using: &generator) ?? 0
                    hello[position] = hello[position] &+ UInt8.random(in: 1...127, using: &generator)
                }
            case 2: hello.remove(at: positions.randomElement(using: &generator) ?? 0)
            default:
                let position = positions.randomElement(using: &generator) ?? 0
                hello.insert(hello[position] ^ 0x55, at: position)
            }
            pair.deliver(hello)
            #expect(ERR_peek_error() == 0)
            pair.collect()
            for _ in 0..<4 where pair.isOpen {
                pair.client.handshake()
                pair.pump()
            }
            #expect(!pair.isEstablished, "round \(round)")
            ERR_clear_error()
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
                pair.deliver(flight)
                pair.collect()
            }
            #expect("truetruetruetrue".hasPrefix(pair.text))
        }
    }
}
