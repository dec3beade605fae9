// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Transport

@Suite struct ClosingTests {
    @Test func `closing sends what was written, then close_notify, then the end`() throws {
        let rig = try Rig()
        let (client, handler) = try rig.handshaken()
        handler.onReceived = { connection, _ in
            connection.write("bye")
            connection.close()
            connection.write("lost")
        }
        client.write("x")
        var text = ""
        try rig.until {
            text += client.readText()
            return client.receivedCloseNotify
        }
        #expect(text == "bye")
        #expect(client.end == .finished)
        #expect(handler.reason == nil, "it waits for the peer's end")
        client.hangUp()
        try rig.until { handler.reason != nil }
        #expect(handler.events.last == "closed local")
        #expect(rig.limits.connections == 0)
        #expect(rig.limits.sources == 0)
    }

    @Test func `a client that says close_notify behind its request still gets the answer`() throws {
        let rig = try Rig()
        let (client, handler) = try rig.handshaken()
        handler.onEnded = { connection in
            #expect(connection.inbound == .closed)
            connection.write("answer to \(handler.text)")
            connection.close()
        }
        client.write("x")
        client.sendCloseNotify()
        client.finish()
        var text = ""
        try rig.until {
            text += client.readText()
            return client.receivedCloseNotify
        }
        #expect(text == "answer to x")
        try rig.until { handler.reason != nil }
        #expect(handler.events == ["connected", "received", "peerEnded", "closed peer"])
    }

    @Test func `a socket that ends without close_notify is reported as truncated, and still gets the answer`() throws {
        let rig = try Rig()
        let (client, handler) = try rig.handshaken()
        // The answer is ready only later, as if it had waited for the disk.
        handler.onEnded = { connection in #expect(connection.inbound == .truncated) }
        client.write("x")
        client.finish()
        try rig.until { handler.events.contains("peerEnded") }
        rig.settle()
        handler.connection?.write("answer")
        handler.connection?.close()
        var text = ""
        try rig.until {
            text += client.readText()
            return client.receivedCloseNotify
        }
        #expect(text == "answer")
        #expect(handler.events.last == "closed truncated")
    }

    @Test func `the answer outlives a client that is still sending`() throws {
        let rig = try Rig()
        let (client, handler) = try rig.handshaken()
        handler.onReceived = { connection, _ in
            connection.write("too large")
            connection.close()
        }
        let chunk = [UInt8](repeating: 1, count: 16384)
        for _ in 0..<10 {
            client.write(chunk)
            rig.loop.turn(wait: 1)
        }
        var text = ""
        try rig.until {
            text += client.readText()
            return client.receivedCloseNotify
        }
        #expect(text == "too large")
        #expect(handler.events == ["connected", "received"])
        client.hangUp()
        try rig.until { handler.reason != nil }
    }

    @Test func `a client that never stops sending is cut off`() throws {
        let rig = try Rig(settings: AcceptorSettings(lingerBytes: 100_000))
        let (client, handler) = try rig.handshaken()
        handler.onReceived = { connection, _ in connection.close() }
        try rig.until {
            client.write([UInt8](repeating: 1, count: 16384))
            return handler.reason != nil
        }
        #expect(handler.events.last == "closed local")
    }

    @Test func `a client that does not end is waited for no longer than the time allowed`() throws {
        let rig = try Rig(settings: AcceptorSettings(lingerSeconds: 2))
        let (client, handler) = try rig.handshaken()
        handler.connection?.close()
        try rig.until {
            _ = client.read()
            return client.receivedCloseNotify
        }
        rig.advance(seconds: 1.8)
        #expect(handler.reason == nil)
        rig.advance(seconds: 0.4)
        #expect(handler.events.last == "closed local")
        #expect(rig.loop.connectionCount == 0)
    }

    @Test func `a closing connection whose peer takes nothing is dropped as stalled`() throws {
        let rig = try Rig(settings: AcceptorSettings(writeStallSeconds: 5))
        let (client, handler) = try rig.handshaken()
        handler.onReceived = { connection, _ in connection.write([UInt8](repeating: 0, count: 20_000_000)) }
        client.write("x")
        try rig.until { handler.connection?.isBlocked == true }
        handler.connection?.close()
        rig.settle()
        rig.advance(seconds: 5.2)
        #expect(handler.events.last == "closed write_stalled")
    }

    @Test(arguments: [false, true])
    func `a reset is reported, paused or not`(paused: Bool) throws {
        let rig = try Rig()
        let (client, handler) = try rig.handshaken()
        if paused { handler.connection?.pauseReading() }
        client.write("unread")
        client.reset()
        try rig.until { handler.reason != nil }
        guard case .reset = handler.reason else {
            Issue.record("closed for \(String(describing: handler.reason))")
            return
        }
        #expect(rig.loop.connectionCount == 0)
    }

    @Test func `writing to a peer that is gone ends the connection, not the process`() throws {
        let rig = try Rig()
        let (client, handler) = try rig.handshaken()
        handler.onEnded = { _ in }
        client.finish()
        try rig.until { handler.events.contains("peerEnded") }
        // Between the look at the sockets and the sending: the kernel answers with EPIPE.
        rig.loop.turnEnded = {
            guard handler.reason == nil else { return }
            client.reset()
            handler.connection?.write("answer")
            rig.loop.turnEnded = nil
        }
        try rig.until { handler.reason != nil }
        #expect(handler.events.last == "closed reset")
    }

    @Test func `aborting resets, and the handler hears of it after its own call`() throws {
        let rig = try Rig()
        let (client, handler) = try rig.handshaken()
        handler.onReceived = { connection, _ in
            connection.write("never")
            connection.abort()
            connection.abort()
        }
        client.write("x")
        try rig.until { handler.reason != nil }
        #expect(handler.events == ["connected", "received", "closed aborted"])
        #expect(client.end == .reset)
    }

    @Test func `a damaged record ends the connection with an alert`() throws {
        let rig = try Rig()
        let (client, handler) = try rig.handshaken()
        client.writePlain("\u{17}\u{3}\u{3}\u{0}\u{20}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
        client.finish()
        try rig.until { handler.reason != nil }
        #expect(handler.events.last == "closed protocol_violation")
    }

    @Test func `draining tells every handler, also those whose handshake ends later, and says when all is quiet`()
        throws
    {
        let rig = try Rig()
        var quiet = 0
        rig.loop.becameQuiet = { quiet += 1 }
        let (client, handler) = try rig.handshaken()
        let late = try rig.connect()
        try rig.until { rig.handlers.count == 2 }
        rig.loop.drain()
        try rig.until {
            _ = late.handshake()
            return rig.handlers[1].events == ["connected", "drain"]
        }
        #expect(handler.events == ["connected", "drain"])
        #expect(quiet == 0)
        client.hangUp()
        late.hangUp()
        try rig.until { quiet == 1 }
        rig.settle()
        #expect(quiet == 1)
    }

    @Test func `a name of a connection that is gone names nothing, also when its place is taken again`() throws {
        let rig = try Rig()
        let (client, handler) = try rig.handshaken()
        let id = try #require(handler.connection?.id)
        #expect(rig.loop.connection(id) === handler.connection)
        client.hangUp()
        try rig.until { rig.loop.connectionCount == 0 }
        #expect(rig.loop.connection(id) == nil)
        let (_, next) = try rig.handshaken()
        #expect(next.connection?.id.slot == id.slot)
        #expect(rig.loop.connection(id) == nil)
    }
}
