// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import TLS
import Testing

/// Work that a client can ask for without sending data.
@Suite struct FloodTests {
    let context: TLSContext

    init() throws {
        context = try TestIdentity().context()
    }

    @Test func `renegotiation is refused and the connection goes on`() throws {
        let pair = try Pair.connected(context, version: TLS1_2_VERSION)
        SSL_renegotiate(pair.client.ssl)
        pair.client.handshake()
        pair.pump()
        pair.client.handshake()
        #expect(TestClient.lastError() == SSL_R_NO_RENEGOTIATION)
        #expect(pair.isOpen)
    }

    @Test func `attempts to renegotiate end the connection when they go on`() throws {
        let pair = try Pair.connected(context, version: TLS1_2_VERSION)
        var forger = try RecordForger(pair.client)
        // A hello that offers one suite and secure renegotiation (RFC 5746 section 3.5).
        let body: [UInt8] = [3, 3] + [UInt8](repeating: 7, count: 32) + [0, 0, 4, 0xc0, 0x2b, 0, 0xff, 1, 0]
        let hello = [1, 0, 0, UInt8(body.count)] + body
        pair.deliver(forger.record(22, hello))
        #expect(pair.isOpen)
        pair.deliver(forger.record(23, Array("data".utf8)))
        #expect(pair.text == "data")
        for _ in 0..<200 { pair.deliver(forger.record(22, hello)) }
        #expect(pair.error?.code == .protocolViolation)
        #expect(pair.error?.reason.contains("again and again") == true)
        #expect(pair.takeOutput().count < 16 * 1024)
    }

    @Test(arguments: bothVersions, [true, false])
    func `empty records without end end the connection`(version: Int32, together: Bool) throws {
        let pair = try Pair.connected(context, version: version)
        var forger = try RecordForger(pair.client)
        pair.deliver(forger.record(23, []))
        pair.deliver(forger.record(23, Array("data".utf8)))
        #expect(pair.text == "data")
        let flood = (0..<100).map { _ in forger.record(23, []) }
        if together {
            pair.deliver(Array(flood.joined()))
        } else {
            for record in flood { pair.deliver(record) }
        }
        #expect(pair.error?.code == .protocolViolation)
    }

    @Test func `a key update asked for by the client is answered in order`() throws {
        let pair = try Pair.connected(context, version: TLS1_3_VERSION)
        pair.isEcho = true
        for round in 0..<100 {
            SSL_key_update(pair.client.ssl, SSL_KEY_UPDATE_REQUESTED)
            pair.client.write("round \(round)")
            pair.pump()
            #expect(pair.client.readText() == "round \(round)")
        }
        #expect(pair.isOpen)
    }

    @Test(arguments: [SSL_KEY_UPDATE_REQUESTED, SSL_KEY_UPDATE_NOT_REQUESTED], [true, false])
    func `key updates without data between end the connection`(kind: Int32, together: Bool) throws {
        let pair = try Pair.connected(context, version: TLS1_3_VERSION)
        var flood: [UInt8] = []
        for _ in 0..<200 {
            SSL_key_update(pair.client.ssl, kind)
            pair.client.handshake()
            flood += pair.client.takeOutput()
            if !together {
                pair.deliver(flood)
                flood = []
            }
        }
        pair.deliver(flood)
        #expect(pair.error?.code == .protocolViolation)
        #expect(pair.error?.reason.contains("again and again") == true)
        #expect(pair.takeOutput().count < 16 * 1024)
    }

    @Test func `change_cipher_spec records without end end the connection`() throws {
        let pair = try Pair(context, TestClient())
        pair.client.handshake()
        pair.deliver(pair.client.takeOutput())
        for _ in 0..<100 { pair.deliver([20, 3, 3, 0, 1, 1]) }
        #expect(pair.error?.code == .handshakeFailed)
    }

    @Test(arguments: bothVersions)
    func `warning alerts without end end the connection`(version: Int32) throws {
        let pair = try Pair(context, TestClient(version: version))
        pair.client.handshake()
        pair.deliver(pair.client.takeOutput())
        // user_canceled, as a warning (RFC 8446 section 6.1).
        for _ in 0..<100 { pair.deliver([21, 3, 3, 0, 2, 1, 90]) }
        #expect(pair.error?.code == .handshakeFailed)
    }
}
