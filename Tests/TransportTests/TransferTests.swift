// SPDX-License-Identifier: Apache-2.0

import TLS
import TestSupport
import Testing

@testable import Transport

@Suite struct TransferTests {
    @Test func `what is written in one turn arrives in order`() throws {
        let rig = try Rig()
        let (client, handler) = try rig.handshaken()
        handler.onReceived = { connection, _ in
            connection.write("one ")
            connection.write("two")
        }
        client.write("hello")
        var text = ""
        try rig.until {
            text += client.readText()
            return text.count >= 7
        }
        #expect(text == "one two")
        #expect(handler.text == "hello")
        #expect(handler.connection?.pendingOutput == 0)
    }

    @Test(arguments: [0 as UInt64, 1, 2])
    func `whatever the sizes, all bytes arrive unchanged in both directions`(seed: UInt64) throws {
        let rig = try Rig()
        let (client, handler) = try rig.handshaken()
        handler.onReceived = { connection, bytes in connection.write(bytes) }
        var random = SeededGenerator(seed: seed)
        var sent: [UInt8] = []
        var came: [UInt8] = []
        for _ in 0..<30 {
            let count = 1 << Int.random(in: 0...17, using: &random)
            var chunk = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            while !chunk.isEmpty {
                let taken = client.write(Array(chunk.prefix(16384)))
                sent += chunk.prefix(taken)
                chunk.removeFirst(taken)
                rig.loop.turn(wait: 0)
                came += client.read()
            }
        }
        try rig.until {
            came += client.read()
            return came.count >= sent.count
        }
        #expect(came.elementsEqual(sent))
        #expect(handler.received.elementsEqual(sent))
    }

    @Test func `a paused handler gets nothing, and what it missed once it resumes`() throws {
        let rig = try Rig()
        let (client, handler) = try rig.handshaken()
        handler.onReceived = { connection, _ in connection.pauseReading() }
        client.write("first")
        try rig.until { handler.text == "first" }
        client.write("second")
        rig.settle()
        #expect(handler.text == "first")
        handler.connection?.resumeReading()
        #expect(handler.text == "first", "resuming must not deliver from within the call")
        try rig.until { handler.text == "firstsecond" }
    }

    @Test func `what lay behind the bytes of a pause is kept and delivered in order`() throws {
        let rig = try Rig()
        let (client, handler) = try rig.handshaken()
        let sent = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        handler.onReceived = { connection, _ in connection.pauseReading() }
        var left = sent[...]
        try rig.until {
            left.removeFirst(client.write(Array(left.prefix(16384))))
            handler.connection?.resumeReading()
            return handler.received.count >= sent.count
        }
        #expect(handler.received.elementsEqual(sent))
    }

    @Test func `what was held back comes before what came later`() throws {
        let rig = try Rig()
        rig.prepare = { $0.onConnected = { $0.pauseReading() } }
        let client = try rig.connect()
        try rig.until { client.handshake() }
        // Lies right behind the end of the handshake, and is more than OpenSSL itself takes in.
        let first = [UInt8](repeating: 1, count: 40_000)
        client.write(first)
        try rig.until { rig.handlers.first?.connection?.hasHeld == true }
        #expect(try #require(rig.handlers[0].connection).held.count > 16_384)
        client.write([2, 2, 2])
        rig.handlers[0].connection?.resumeReading()
        try rig.until { rig.handlers[0].received.count >= 40_003 }
        #expect(rig.handlers[0].received.elementsEqual(first + [2, 2, 2]))
    }

    @Test func `a peer that does not read costs no more than what waits for it, and is read no further`() throws {
        let rig = try Rig(settings: AcceptorSettings(highWaterMark: 100_000, lowWaterMark: 50_000))
        let (client, handler) = try rig.handshaken()
        let answer = [UInt8](repeating: 7, count: 1_000_000)
        handler.onReceived = { connection, bytes in for _ in bytes { connection.write(answer) } }
        var requests = 0
        for _ in 0..<100 {
            requests += client.write("x")
            rig.settle()
            if handler.connection?.isOverHighWater == true { break }
        }
        let connection = try #require(handler.connection)
        #expect(connection.pendingOutput > 100_000)
        let taken = handler.received.count
        client.write("y")
        rig.settle()
        #expect(handler.received.count == taken)
        // Once it reads, all of it comes, and reading goes on.
        var came = 0
        try rig.until {
            came += client.read().count
            return handler.text.hasSuffix("y") && came == handler.received.count * answer.count
        }
        #expect(handler.events.contains("outputDrained"))
        #expect(connection.pendingOutput == 0)
    }

    @Test func `a peer that takes nothing for too long is dropped`() throws {
        let rig = try Rig(settings: AcceptorSettings(writeStallSeconds: 5))
        let (client, handler) = try rig.handshaken()
        handler.onReceived = { connection, _ in connection.write([UInt8](repeating: 0, count: 20_000_000)) }
        client.write("x")
        try rig.until { handler.connection?.isBlocked == true }
        rig.settle()
        rig.advance(seconds: 4.8)
        // A byte taken, however slowly, gives the whole time anew.
        try rig.until {
            _ = client.read(atMost: 1_000_000)
            return handler.connection?.stallDeadline ?? 0 > rig.loop.now + 4_000_000_000
        }
        rig.settle()
        rig.advance(seconds: 4.8)
        #expect(handler.reason == nil)
        // What the socket took at the last attempt gives it the time once more.
        for _ in 0..<3 { rig.advance(seconds: 5.2) }
        #expect(handler.events.last == "closed write_stalled")
        #expect(rig.loop.connectionCount == 0)
    }

    @Test func `a deadline comes once, may be put off, and may be taken back`() throws {
        let rig = try Rig()
        let (_, handler) = try rig.handshaken()
        let connection = try #require(handler.connection)
        connection.setDeadline(rig.loop.now + 1_000_000_000)
        rig.advance(seconds: 0.5)
        connection.setDeadline(rig.loop.now + 1_000_000_000)
        rig.advance(seconds: 0.8)
        #expect(handler.events == ["connected"])
        rig.advance(seconds: 0.4)
        #expect(handler.events == ["connected", "deadlinePassed"])
        rig.advance(seconds: 100)
        #expect(handler.events.count == 2)
        connection.setDeadline(rig.loop.now + 60_000_000_000)
        connection.setDeadline(rig.loop.now + 1_000_000_000)
        rig.advance(seconds: 1.2)
        #expect(handler.events.count == 3, "an earlier deadline takes the place of a later one")
        connection.setDeadline(rig.loop.now + 1_000_000_000)
        connection.setDeadline(.max)
        rig.advance(seconds: 100)
        #expect(handler.events.count == 3)
    }

    @Test func `a deadline set early counts from the handshake on`() throws {
        let rig = try Rig(settings: AcceptorSettings(handshakeSeconds: 100))
        rig.prepare = { [loop = rig.loop] in $0.connection?.setDeadline(loop.now + 1_000_000_000) }
        let client = try rig.connect()
        try rig.until { rig.handlers.count == 1 }
        rig.advance(seconds: 5)
        #expect(rig.handlers[0].events.isEmpty)
        try rig.until { client.handshake() && rig.handlers[0].events.first == "connected" }
        rig.advance(seconds: 0.2)
        #expect(rig.handlers[0].events == ["connected", "deadlinePassed"])
    }

    @Test func `an idle connection holds no buffers`() throws {
        let rig = try Rig()
        let (client, handler) = try rig.handshaken()
        handler.onReceived = { connection, _ in connection.write("answer") }
        client.write("x")
        try rig.until { client.readText() == "answer" }
        let connection = try #require(handler.connection)
        connection.output.withUnsafeReadableBytes { #expect($0.baseAddress == nil) }
        connection.sealed.withUnsafeReadableBytes { #expect($0.baseAddress == nil) }
        connection.held.withUnsafeReadableBytes { #expect($0.baseAddress == nil) }
    }
}
