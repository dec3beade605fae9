// SPDX-License-Identifier: Apache-2.0

import TLS
import Testing

@testable import Transport

@Suite struct HandshakeTests {
    @Test func `a handler learns of the connection when its handshake is done, and on what was agreed`() throws {
        let rig = try Rig()
        var agreement: TLSAgreement?
        rig.prepare = { $0.onConnected = { agreement = $0.agreement } }
        let (_, handler) = try rig.handshaken()
        #expect(handler.events == ["connected"])
        #expect(agreement?.version == .tls13)
        #expect(handler.connection?.remote.host == "127.0.0.1")
        #expect(handler.connection?.listener == 7)
        #expect(rig.limits.handshakes == 0)
        #expect(rig.limits.connections == 1)
    }

    @Test func `what is written before the handshake is done leaves after it`() throws {
        let rig = try Rig()
        rig.prepare = { $0.connection?.write("early") }
        let (client, _) = try rig.handshaken()
        var text = ""
        try rig.until {
            text += client.readText()
            return text == "early"
        }
    }

    @Test(arguments: [false, true])
    func `a handshake that stalls is closed when its time is over`(sendsSomething: Bool) throws {
        let rig = try Rig(settings: AcceptorSettings(handshakeSeconds: 10))
        let client = try rig.connect()
        if sendsSomething { client.writePlain("\u{16}\u{3}\u{1}") }
        try rig.until { rig.handlers.count == 1 }
        rig.advance(seconds: 9.8)
        #expect(rig.handlers[0].events.isEmpty)
        rig.advance(seconds: 0.4)
        #expect(rig.handlers[0].events == ["closed handshake_timeout"])
        #expect(rig.limits.connections == 0)
        #expect(rig.limits.handshakes == 0)
        #expect(client.end != .open)
    }

    @Test func `plain HTTP is answered in plain HTTP, and reported`() throws {
        let rig = try Rig()
        let client = try rig.connect()
        client.writePlain("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        var answer = ""
        try rig.until {
            answer += client.readPlain() ?? ""
            return answer.contains("https://")
        }
        #expect(answer.hasPrefix("HTTP/1.1 400 "))
        client.hangUp()
        try rig.until { !rig.handlers[0].events.isEmpty }
        guard case .handshake(let error) = rig.handlers[0].reason else {
            Issue.record("closed for \(String(describing: rig.handlers[0].reason))")
            return
        }
        #expect(error.code == .plaintextRequest)
        #expect(rig.limits.handshakes == 0)
    }

    @Test func `garbage gets an alert and is reported as a failed handshake`() throws {
        let rig = try Rig()
        let client = try rig.connect()
        client.writePlain("\u{16}\u{3}\u{1}\u{0}\u{5}aaaaaaaaaaaaaaaaa")
        var answer = ""
        try rig.until {
            answer += client.readPlain() ?? ""
            return !answer.isEmpty
        }
        #expect(answer.utf8.first == 21)
        client.hangUp()
        try rig.until { !rig.handlers[0].events.isEmpty }
        #expect(rig.handlers[0].events == ["closed handshake"])
    }

    @Test func `a client that goes away in its handshake is reported as that`() throws {
        let rig = try Rig()
        let client = try rig.connect()
        try rig.until { rig.handlers.count == 1 }
        client.hangUp()
        try rig.until { !rig.handlers[0].events.isEmpty }
        #expect(rig.handlers[0].events == ["closed closed_during_handshake"])
        #expect(rig.loop.connectionCount == 0)
    }

    @Test func `many handshakes at once are spread over turns and all come through`() throws {
        let rig = try Rig()
        let clients = try (0..<30).map { _ in try rig.connect() }
        try rig.until { clients.filter { $0.handshake() }.count == 30 }
        try rig.until { rig.handlers.filter { $0.events == ["connected"] }.count == 30 }
    }
}
