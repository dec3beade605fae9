// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTP

@Suite("A flood of HTTP/2 frames")
struct HTTP2FloodTests {
    private static let head = HTTP2Bytes.head(HTTP2Client.head("GET"))

    /// Sends what `next` makes, one frame a call, until the session ends; how many it took.
    private func flood(
        _ owner: HTTP2Owner,
        most: Int = 20_000,
        takesOutput: Bool = true,
        _ next: (Int) -> [UInt8]
    ) -> Int {
        for at in 0..<most {
            owner.receive(next(at))
            if owner.session.endReason != nil { return at }
            if takesOutput { _ = owner.output() }
        }
        return most
    }

    private func opened(_ limits: HTTP2Limits = HTTP2Limits()) -> HTTP2Owner {
        let owner = HTTP2Owner(limits)
        owner.onEnd = { $0.answer($1.id) }
        owner.onMalformed = { $0.answer($1.id, 400) }
        owner.receive(HTTP2Bytes.preface)
        return owner
    }

    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var reason: HTTP2EndReason
        var most = 1100
        var frame: @Sendable (Int) -> [UInt8]
    }

    static let cases: [Case] = [
        Case(testDescription: "PING", reason: .pingFlood) { _ in HTTP2Bytes.frame(6, Array(repeating: 0, count: 8)) },
        Case(testDescription: "PING answers", reason: .pingFlood) { _ in
            HTTP2Bytes.frame(6, flags: 1, Array(repeating: 0, count: 8))
        },
        Case(testDescription: "SETTINGS", reason: .settingsFlood) { _ in HTTP2Bytes.frame(4) },
        Case(testDescription: "PRIORITY", reason: .priorityFlood) {
            HTTP2Bytes.frame(2, stream: UInt32($0) * 2 + 1, [0, 0, 0, 0, 1])
        },
        Case(testDescription: "PRIORITY_UPDATE", reason: .priorityFlood) { _ in
            HTTP2Bytes.frame(16, [0, 0, 0, 1, 0x75])
        },
        Case(testDescription: "WINDOW_UPDATE", reason: .windowUpdateFlood) { _ in
            HTTP2Bytes.frame(8, [0, 0, 0, 1])
        },
        Case(testDescription: "unknown types", reason: .unknownFrameFlood) { _ in HTTP2Bytes.frame(0xfa, [1, 2, 3]) },
        Case(testDescription: "GOAWAY", reason: .unknownFrameFlood) { _ in
            HTTP2Bytes.frame(7, Array(repeating: 0, count: 8))
        },
        Case(testDescription: "empty DATA", reason: .emptyFrameFlood) {
            $0 == 0
                ? HTTP2Bytes.head(HTTP2Client.head("POST"), ends: false)
                : HTTP2Bytes.frame(FrameHeader.Kind.data, stream: 1)
        },
        Case(testDescription: "DATA of padding", reason: .emptyFrameFlood) {
            $0 == 0
                ? HTTP2Bytes.head(HTTP2Client.head("POST"), ends: false)
                : HTTP2Bytes.frame(FrameHeader.Kind.data, flags: 8, stream: 1, [2, 0, 0])
        },
        Case(testDescription: "streams opened and reset", reason: .rapidReset, most: 300) {
            HTTP2Bytes.head(HTTP2Client.head("GET"), stream: UInt32($0) * 2 + 1) + HTTP2Bytes.reset(UInt32($0) * 2 + 1)
        },
        Case(testDescription: "malformed requests that are reset", reason: .malformedFlood) {
            HTTP2Bytes.head([("x", "y")], stream: UInt32($0) * 2 + 1)
        },
        Case(testDescription: "malformed requests that are answered", reason: .malformedFlood) {
            HTTP2Bytes.head(HTTP2Client.head("get"), stream: UInt32($0) * 2 + 1)
        },
        Case(testDescription: "HEADERS on a closed stream", reason: .malformedFlood) {
            $0 == 0 ? HTTP2Bytes.head(HTTP2Client.head("GET")) + HTTP2Bytes.reset(1) : HTTP2Bytes.head([("x", "y")])
        },
    ]

    @Test("ends the connection, and says why", arguments: cases)
    func ends(_ example: Case) {
        let owner = opened()
        let count = flood(owner, example.frame)
        #expect(owner.session.endReason == example.reason)
        #expect(count <= example.most && count >= 100)
        #expect(HTTP2Bytes.goAwayCode(owner.output()) == 11)
        #expect(owner.session.isFinished)
        owner.receive(example.frame(count))
        #expect(owner.output() == [])
    }

    @Test("is counted byte by byte as well", arguments: cases)
    func bytewise(_ example: Case) {
        let owner = opened()
        let count = flood(owner) { at in
            let frames = example.frame(at)
            for byte in frames.dropLast() { owner.receive([byte]) }
            return frames.suffix(1)
        }
        #expect(owner.session.endReason == example.reason)
        #expect(count <= example.most && count >= 100)
    }

    @Test("that is a trickle passes", arguments: cases)
    func trickles(_ example: Case) {
        let owner = opened()
        let count = flood(owner, most: 3000) {
            owner.now += 100_000_000
            return example.frame($0)
        }
        #expect(count == 3000)
    }

    @Test("of CONTINUATION frames ends the connection", arguments: [0, 10, 16_000])
    func continuations(size: Int) {
        let owner = opened()
        owner.receive(HTTP2Bytes.frame(1, stream: 1, HTTP2Bytes.literal(":method", "GET")))
        let value = HTTP2Bytes.literal("x", String(repeating: "a", count: size))
        let count = flood(owner) { _ in HTTP2Bytes.frame(FrameHeader.Kind.continuation, stream: 1, value) }
        #expect(count <= 8)
        let reason = owner.session.endReason
        #expect(reason == .continuationFlood || reason == .headerBomb)
        #expect(HTTP2Bytes.goAwayCode(owner.output()) == 11)
    }

    @Test("of references to one large field ends the connection")
    func bomb() {
        let owner = opened()
        let large = HTTP2Bytes.remembered("x", String(repeating: "a", count: 4000))
        owner.receive(
            HTTP2Bytes.frame(
                1,
                flags: 5,
                stream: 1,
                HTTP2Client.head("GET").flatMap { HTTP2Bytes.literal($0.0, $0.1) } + large
            )
        )
        owner.receive(HTTP2Bytes.frame(1, flags: 5, stream: 3, Array(repeating: 0x80 | 62, count: 16_000)))
        #expect(owner.session.endReason == .headerBomb)
        #expect(HTTP2Bytes.goAwayCode(owner.output()) == 11)
    }

    @Test("of fields that cannot be decoded as such ends the connection as well")
    func invalidBomb() {
        let owner = opened()
        let field = HTTP2Bytes.literal("x y", "")
        owner.receive(HTTP2Bytes.frame(1, flags: 5, stream: 1, (0..<2000).flatMap { _ in field }))
        #expect(owner.session.endReason == .headerBomb)
    }

    @Test("that the peer causes and does not read is bounded")
    func unread() {
        var limits = HTTP2Limits()
        limits.nuisanceBurst = 1_000_000
        let owner = opened(limits)
        let count = flood(owner, takesOutput: false) { _ in HTTP2Bytes.frame(6, Array(repeating: 0, count: 8)) }
        #expect(count <= 1100)
        #expect(owner.session.endReason == .outputQueueFull)
    }

    @Test("of requests over the limit of streams ends the connection")
    func streams() {
        var limits = HTTP2Limits()
        limits.maxConcurrentStreams = 4
        let owner = opened(limits)
        owner.onEnd = nil
        let count = flood(owner, most: 3000) {
            HTTP2Bytes.head(HTTP2Client.head("GET"), stream: UInt32($0) * 2 + 1)
        }
        #expect(count < 1100)
        #expect(owner.session.activeStreams == 4)
        #expect(owner.heads.count == 4)
    }

    @Test("is no flood when the answers' data gives cause for it")
    func courtesy() {
        var limits = HTTP2Limits()
        limits.nuisanceBurst = 20
        let owner = HTTP2Owner(limits)
        owner.onEnd = { $0.answer($1.id, 200, Array(repeating: 1, count: 1_000_000)) }
        let client = HTTP2Client(streamWindow: 2000)
        for _ in 0..<5 {
            let id = client.request(HTTP2Client.head("GET"))
            owner.talk(with: client)
            #expect(client.responses[id]?.body.count == 1_000_000)
        }
        #expect(owner.session.endReason == nil)
    }

    @Test("that is not HTTP/2 ends at once", arguments: ["GET / HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX"])
    func preface(text: String) {
        let owner = HTTP2Owner()
        owner.receive(Array(text.utf8))
        #expect(owner.session.endReason == .prefaceInvalid)
        #expect(HTTP2Bytes.goAwayCode(owner.output()) == 1)
        #expect(owner.session.isFinished)
    }

    @Test("of a body over its window is a violation")
    func window() {
        var limits = HTTP2Limits()
        limits.streamWindow = 100
        let owner = opened(limits)
        _ = owner.output()
        owner.receive(HTTP2Bytes.frame(4, flags: 1))
        owner.consumes = false
        owner.receive(HTTP2Bytes.head(HTTP2Client.head("POST"), ends: false))
        owner.receive(HTTP2Bytes.frame(0, stream: 1, Array(repeating: 0, count: 101)))
        let sent = owner.output()
        #expect((HTTP2Bytes.resetCode(sent) ?? HTTP2Bytes.goAwayCode(sent)) == 3)
        owner.receive(HTTP2Bytes.frame(0, stream: 1, Array(repeating: 0, count: 101)))
        #expect((owner.bodies[1]?.count ?? 0) <= 101)
    }
}
