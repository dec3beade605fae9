// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import NIOCore
import NIOEmbedded
import NIOOpenSSL
import Testing

let bothVersions = [TLS1_2_VERSION, TLS1_3_VERSION]

@Suite struct HandshakeTests {
    let identity: TestIdentity

    init() throws {
        identity = try TestIdentity()
    }

    @Test func `TLS 1.3 is agreed on and told to the application`() throws {
        let pair = try Pair(
            TLSContext(configuration: identity.configuration),
            TestClient(protocols: ["http/1.1"], serverName: "api.example")
        )
        pair.shakeHands()
        #expect(
            pair.application.handshake
                == TLSHandshakeCompleted(
                    version: "TLSv1.3",
                    cipherSuite: "TLS_AES_128_GCM_SHA256",
                    applicationProtocol: "http/1.1",
                    serverName: "api.example",
                    resumed: false
                )
        )
    }

    @Test func `TLS 1.2 is agreed on under the intermediate policy`() throws {
        let pair = try Pair(
            TLSContext(configuration: identity.configuration),
            TestClient(version: TLS1_2_VERSION)
        )
        pair.shakeHands()
        #expect(
            pair.application.handshake
                == TLSHandshakeCompleted(
                    version: "TLSv1.2",
                    cipherSuite: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                    applicationProtocol: nil,
                    serverName: nil,
                    resumed: false
                )
        )
    }

    @Test func `an RSA certificate serves both versions`() throws {
        let context = try TestIdentity(.rsa(bits: 2048)).context()
        for version in bothVersions {
            let pair = try Pair(context, TestClient(version: version))
            pair.shakeHands()
            #expect(pair.application.handshake != nil)
        }
    }

    @Test func `the modern policy refuses TLS 1.2`() throws {
        var configuration = identity.configuration
        configuration.policy = .modern
        let pair = try Pair(TLSContext(configuration: configuration), TestClient(version: TLS1_2_VERSION))
        pair.shakeHands()
        #expect(pair.application.errors.map(\.code) == [.handshakeFailed])
        #expect(!pair.isOpen)
    }

    @Test func `TLS 1.1 is refused under every policy`() throws {
        for policy in TLSPolicy.allCases {
            var configuration = identity.configuration
            configuration.policy = policy
            let pair = try Pair(
                TLSContext(configuration: configuration),
                TestClient(version: TLS1_1_VERSION, ciphers: "ALL:@SECLEVEL=0")
            )
            pair.shakeHands()
            #expect(pair.application.errors.map(\.code) == [.handshakeFailed])
            #expect(!pair.isOpen)
        }
    }

    @Test(arguments: ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "DHE-RSA-AES128-GCM-SHA256"])
    func `a suite without forward secrecy or authenticated encryption is refused`(suite: String) throws {
        let pair = try Pair(
            TLSContext(configuration: identity.configuration),
            TestClient(version: TLS1_2_VERSION, ciphers: suite)
        )
        pair.shakeHands()
        #expect(pair.application.handshake == nil)
        #expect(pair.application.errors.map(\.code) == [.handshakeFailed])
    }

    @Test(arguments: bothVersions)
    func `the server's favourite protocol wins over the client's order`(version: Int32) throws {
        var configuration = identity.configuration
        configuration.applicationProtocols = ["h2", "http/1.1"]
        let pair = try Pair(
            TLSContext(configuration: configuration),
            TestClient(version: version, protocols: ["http/1.1", "h2"])
        )
        pair.shakeHands()
        #expect(pair.application.handshake?.applicationProtocol == "h2")
    }

    @Test(arguments: bothVersions)
    func `a client with none of our protocols is refused`(version: Int32) throws {
        let pair = try Pair(
            TLSContext(configuration: identity.configuration),
            TestClient(version: version, protocols: ["h3", "smb"])
        )
        pair.shakeHands()
        #expect(pair.application.handshake == nil)
        #expect(pair.application.errors.first?.reason.contains("no application protocol") == true)
        #expect(!pair.isOpen)
    }

    @Test func `without protocols of our own the client's are ignored`() throws {
        var configuration = identity.configuration
        configuration.applicationProtocols = []
        let pair = try Pair(TLSContext(configuration: configuration), TestClient(protocols: ["h2"]))
        pair.shakeHands()
        #expect(pair.application.handshake != nil)
        #expect(pair.application.handshake?.applicationProtocol == nil)
    }

    @Test(arguments: bothVersions)
    func `a ticket resumes a session and keeps the server name`(version: Int32) throws {
        let context = try TLSContext(configuration: identity.configuration)
        let first = try Pair(context, TestClient(version: version, serverName: "api.example"))
        first.shakeHands()
        let session = try #require(first.client.session())
        defer { SSL_SESSION_free(session) }
        let second = try Pair(
            context,
            TestClient(version: version, serverName: "api.example", resuming: session)
        )
        second.shakeHands()
        #expect(second.application.handshake?.resumed == true)
        #expect(second.application.handshake?.serverName == "api.example")
        second.client.write("again")
        try second.pump()
        #expect(second.application.text == "again")
    }

    @Test(arguments: bothVersions)
    func `without tickets nothing is resumed`(version: Int32) throws {
        var configuration = identity.configuration
        configuration.sessionTickets = false
        let context = try TLSContext(configuration: configuration)
        let first = try Pair(context, TestClient(version: version))
        first.shakeHands()
        let session = try #require(first.client.session())
        defer { SSL_SESSION_free(session) }
        #expect(SSL_SESSION_has_ticket(session) == 0)
        let second = try Pair(context, TestClient(version: version, resuming: session))
        second.shakeHands()
        #expect(second.application.handshake?.resumed == false)
    }

    @Test func `one ticket is issued per handshake`() throws {
        let pair = try Pair(TLSContext(configuration: identity.configuration), TestClient())
        nonisolated(unsafe) var tickets = 0
        // Messages of type new_session_ticket (RFC 8446 section 4.6.1), as the client sees them.
        SSL_set_msg_callback(pair.client.ssl) { written, _, kind, bytes, length, _, argument in
            guard written == 0, kind == SSL3_RT_HANDSHAKE, length > 0,
                bytes?.load(as: UInt8.self) == UInt8(SSL3_MT_NEWSESSION_TICKET)
            else { return }
            argument?.assumingMemoryBound(to: Int.self).pointee += 1
        }
        withUnsafeMutablePointer(to: &tickets) { pointer in
            _ = SSL_ctrl(pair.client.ssl, SSL_CTRL_SET_MSG_CALLBACK_ARG, 0, pointer)
            pair.shakeHands()
        }
        SSL_set_msg_callback(pair.client.ssl, nil)
        #expect(tickets == 1)
    }

    @Test func `renegotiation is refused`() throws {
        let pair = try Pair.connected(identity, version: TLS1_2_VERSION, application: .echo())
        SSL_renegotiate(pair.client.ssl)
        pair.client.handshake()
        try pair.pump()
        pair.client.handshake()
        #expect(ERR_GET_REASON(ERR_peek_error()) == SSL_R_NO_RENEGOTIATION)
        ERR_clear_error()
    }

    @Test(arguments: bothVersions)
    func `a handshake survives being delivered byte by byte`(version: Int32) throws {
        let pair = try Pair(
            TLSContext(configuration: identity.configuration),
            TestClient(version: version),
            application: .echo()
        )
        pair.chunkSize = 1
        pair.shakeHands()
        pair.client.write("one byte at a time")
        try pair.pump()
        #expect(pair.application.text == "one byte at a time")
        #expect(pair.client.readText() == "one byte at a time")
    }

    @Test func `data sent together with the end of the handshake arrives after the event`() throws {
        let pair = try Pair(TLSContext(configuration: identity.configuration), TestClient())
        var heardHandshakeFirst = false
        pair.application.onRead = { _, _ in heardHandshakeFirst = pair.application.handshake != nil }
        pair.client.handshake()
        try pair.pump()
        #expect(pair.client.handshake())
        pair.client.write("early bird")
        try pair.pump()
        #expect(pair.application.text == "early bird")
        #expect(heardHandshakeFirst)
    }

    @Test func `bytes written before the handshake wait for its end`() throws {
        let pair = try Pair(TLSContext(configuration: identity.configuration), TestClient())
        let promise = pair.channel.eventLoop.makePromise(of: Void.self)
        var sent = false
        promise.futureResult.assumeIsolated().whenSuccess { sent = true }
        pair.channel.write(ByteBuffer(string: "hello "), promise: nil)
        pair.channel.writeAndFlush(ByteBuffer(string: "world"), promise: promise)
        pair.channel.write(ByteBuffer(string: ", not flushed"), promise: nil)
        #expect(try pair.collect() == 0)
        pair.shakeHands()
        #expect(sent)
        #expect(pair.early == Array("hello world".utf8))
        pair.channel.flush()
        try pair.collect()
        #expect(pair.client.readText() == ", not flushed")
    }
}
