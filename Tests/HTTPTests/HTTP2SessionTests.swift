// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTP

@Suite("An HTTP/2 session")
struct HTTP2SessionTests {
    private func pair(_ limits: HTTP2Limits = HTTP2Limits(), client: HTTP2Client = HTTP2Client())
        -> (owner: HTTP2Owner, client: HTTP2Client)
    {
        let owner = HTTP2Owner(limits)
        owner.onEnd = { $0.answer($1.id) }
        owner.onMalformed = { $0.answer($1.id, 400) }
        owner.talk(with: client)
        return (owner, client)
    }

    @Test("A request is reported as in HTTP/1.1, and answered")
    func exchange() {
        let (owner, client) = pair()
        let id = client.request(
            HTTP2Client.head("POST", path: "/v1/x?a=b?c") + [
                ("authorization", "Bearer t"), ("content-type", "application/json"), ("content-length", "3"),
                ("x-unknown", "y"),
            ],
            body: [1, 2, 3]
        )
        owner.talk(with: client)
        #expect(
            owner.events == [
                .request(id, method: .post, target: "/v1/x?a=b?c", authority: "localhost"), .end(id), .answered(id),
            ]
        )
        let head = owner.heads[id]
        #expect(head?.version == .http2)
        #expect(head?.contentLength == 3)
        #expect(head?.fieldCount == 8)
        #expect(owner.text(id, .authorization) == "Bearer t")
        #expect(owner.text(id, .host) == "localhost")
        #expect(owner.bodies[id] == [1, 2, 3])
        let response = client.responses[id]
        #expect(response?.status == "200")
        #expect(response?.fields["content-length"] == "2")
        #expect(response?.body == Array("ok".utf8))
        #expect(response?.isWhole == true)
        #expect(owner.session.activeStreams == 0 && owner.session.isIdle)
    }

    @Test("The path ends at the first question mark")
    func query() throws {
        let (owner, client) = pair()
        let id = client.request(HTTP2Client.head("GET", path: "/a?b?c"))
        owner.talk(with: client)
        let head = try #require(owner.heads[id])
        let bytes = try #require(owner.headBytes[id])
        #expect(Array(bytes[head.pathRange.range]) == Array("/a".utf8))
        #expect(Array(bytes[try #require(head.queryRange).range]) == Array("b?c".utf8))
    }

    @Test("Bytes may come one by one")
    func bytewise() {
        let (owner, client) = pair()
        let ids = (0..<3).map { client.post(Array(repeating: UInt8($0), count: 40_000)) }
        owner.talk(with: client, bytewise: true)
        for (value, id) in ids.enumerated() {
            #expect(owner.bodies[id] == Array(repeating: UInt8(value), count: 40_000))
            #expect(client.responses[id]?.status == "200")
        }
    }

    @Test("To HEAD the length of the body is sent, and not the body")
    func headMethod() {
        let (owner, client) = pair()
        let id = client.request(HTTP2Client.head("HEAD"))
        owner.talk(with: client)
        #expect(client.responses[id]?.fields["content-length"] == "2")
        #expect(client.responses[id]?.body == [])
        #expect(client.responses[id]?.isWhole == true)
        #expect(owner.session.activeStreams == 0)
    }

    @Test("An answer without a body is whole with its head", arguments: [(204, nil as String?), (200, "0")])
    func noBody(status: Int, length: String?) {
        let (owner, client) = pair()
        owner.onEnd = { $0.answer($1.id, status, []) }
        let id = client.request(HTTP2Client.head("GET"))
        owner.talk(with: client)
        #expect(client.responses[id]?.status == "\(status)")
        #expect(client.responses[id]?.fields["content-length"] == length)
        #expect(client.responses[id]?.isWhole == true)
    }

    @Test("Who waits for leave to send gets it")
    func continues() {
        let (owner, client) = pair()
        owner.onEnd = nil
        let id = client.request(HTTP2Client.head("POST") + [("expect", "100-Continue")], ends: false)
        owner.talk(with: client)
        #expect(owner.heads[id]?.expectsContinue == true)
        owner.session.sendContinue(owner.streams[id]!)
        owner.answer(id)
        owner.talk(with: client)
        #expect(client.responses[id]?.informational == ["100"])
        #expect(client.responses[id]?.status == "200")
    }

    @Test("An answer before the request's end leaves the client its time to end, and asks who goes on to stop")
    func early() {
        let (owner, client) = pair()
        let id = client.request(HTTP2Client.head("POST"), ends: false)
        owner.talk(with: client)
        owner.answer(id, 401)
        owner.talk(with: client)
        #expect(client.responses[id]?.status == "401")
        #expect(client.responses[id]?.isWhole == true)
        #expect(client.responses[id]?.closeCode == nil, "many clients take a reset for an answer cut short")
        #expect(owner.session.activeStreams == 1)
        owner.session.resetStalled(since: owner.now)
        owner.talk(with: client)
        #expect(client.responses[id]?.closeCode == 0)
        #expect(owner.events.last == .answered(id))
        #expect(owner.session.activeStreams == 0)
    }

    @Test("Large bodies pass both ways through tiny windows")
    func tinyWindows() {
        var limits = HTTP2Limits()
        limits.streamWindow = 100
        let (owner, client) = pair(limits, client: HTTP2Client(streamWindow: 77))
        let body = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        owner.onEnd = { owner, stream in owner.answer(stream.id, 200, owner.bodies[stream.id] ?? []) }
        let ids = [client.post(body), client.post(body.reversed())]
        owner.talk(with: client)
        #expect(client.responses[ids[0]]?.body == body)
        #expect(client.responses[ids[1]]?.body == body.reversed())
        #expect(owner.session.endReason == nil)
    }

    @Test("A body that is held is sent in the slice that was asked for")
    func held() {
        let (owner, client) = pair()
        let body = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
        owner.onEnd = { owner, stream in
            owner.session.respond(stream, status: 200, fields: owner.fields, holding: body, 5..<90_000)
        }
        let id = client.request(HTTP2Client.head("GET"))
        owner.talk(with: client)
        #expect(client.responses[id]?.body == Array(body[5..<90_000]))
    }

    @Test("What is not consumed shuts the window")
    func backPressure() {
        var limits = HTTP2Limits()
        limits.streamWindow = 1000
        let (owner, client) = pair(limits)
        owner.consumes = false
        let id = client.post(Array(repeating: 7, count: 5000))
        owner.talk(with: client)
        #expect(owner.bodies[id]?.count == 1000)
        owner.session.consumed(owner.streams[id]!, 1000)
        owner.talk(with: client)
        #expect(owner.bodies[id]?.count == 2000)
    }

    @Test("The connection's window opens again for bodies that nobody read")
    func unreadBodies() {
        var limits = HTTP2Limits()
        limits.streamWindow = 40_000
        limits.connectionWindow = 65_535
        let (owner, client) = pair(limits)
        owner.consumes = false
        for _ in 0..<20 {
            let id = client.post(Array(repeating: 7, count: 40_000))
            owner.talk(with: client)
            #expect(client.responses[id]?.status == "200")
        }
    }

    @Test("The settings are announced")
    func settings() {
        let (_, client) = pair()
        #expect(client.settings == [3: 128, 4: 262_144, 6: 16_384, 9: 1])
    }

    @Test("Output is handed out up to a limit, and the rest later")
    func limited() {
        let (owner, client) = pair(client: HTTP2Client(streamWindow: 1 << 20))
        client.openWindow(0, 1 << 20)
        owner.onEnd = { $0.answer($1.id, 200, Array(repeating: 1, count: 300_000)) }
        let id = client.request(HTTP2Client.head("GET"))
        owner.receive(client.output())
        var most = 0
        while true {
            let part = owner.output(limit: 1000)
            if part.isEmpty { break }
            most = max(most, part.count)
            client.receive(part)
        }
        #expect(most < 18_000)
        #expect(client.responses[id]?.body.count == 300_000)
    }

    @Test("Memory that is kept is given back on request, and the session goes on")
    func releases() {
        let (owner, client) = pair()
        for _ in 0..<2 {
            let id = client.post([1])
            owner.talk(with: client)
            #expect(client.responses[id]?.body == Array("ok".utf8))
            owner.session.releaseMemory()
        }
    }

    @Test("Many streams at once are all answered, in any order")
    func interleaved() {
        let (owner, client) = pair()
        owner.onEnd = nil
        let ids = (0..<100).map { client.post([UInt8($0)]) }
        owner.talk(with: client)
        #expect(owner.session.activeStreams == 100)
        for id in ids.reversed() { owner.answer(id, 200, owner.bodies[id] ?? []) }
        owner.talk(with: client)
        for (value, id) in ids.enumerated() { #expect(client.responses[id]?.body == [UInt8(value)]) }
        #expect(owner.session.activeStreams == 0)
    }

    @Test("A reset stream takes its slot until the work on it has ended")
    func lingering() {
        var limits = HTTP2Limits()
        limits.maxConcurrentStreams = 2
        let (owner, client) = pair(limits)
        owner.onEnd = nil
        let first = [client.post([1]), client.post([2])]
        owner.talk(with: client)
        first.forEach(client.reset)
        owner.talk(with: client)
        #expect(owner.events.suffix(2) == [.reset(first[0], 8), .reset(first[1], 8)])
        let refused = client.post([3])
        owner.talk(with: client)
        #expect(client.responses[refused]?.closeCode == 7)
        #expect(owner.session.activeStreams == 2)
        owner.session.finish(owner.streams[first[0]]!)
        #expect(owner.answer(first[1]) == false)
        #expect(owner.session.activeStreams == 0)
        owner.onEnd = { $0.answer($1.id) }
        let served = client.post([4])
        owner.talk(with: client)
        #expect(client.responses[served]?.status == "200")
    }

    @Test("The owner may reset a stream, before its answer and behind it")
    func ownerResets() {
        let (owner, client) = pair()
        owner.onEnd = { owner, stream in owner.session.reset(stream, .internalError) }
        let id = client.post([1])
        owner.talk(with: client)
        #expect(client.responses[id]?.closeCode == 2)
        #expect(owner.session.activeStreams == 0)
        owner.onEnd = { owner, stream in
            owner.answer(stream.id)
            owner.session.reset(stream, .cancel)
        }
        let other = client.post([1])
        owner.talk(with: client)
        #expect(client.responses[other]?.closeCode == 8)
        #expect(owner.session.activeStreams == 0)
        #expect(owner.session.stalledSince == nil)
    }

    @Test("An answer that waits for the peer's window is known, and can be given up")
    func stalled() {
        let (owner, client) = pair(client: HTTP2Client(streamWindow: 10, opensWindows: false))
        owner.onEnd = { $0.answer($1.id, 200, Array(repeating: 1, count: 10_000)) }
        let id = client.request(HTTP2Client.head("GET"))
        owner.talk(with: client)
        let start = owner.now
        #expect(owner.session.stalledSince == start)
        owner.now += 1_000_000_000
        client.openWindow(id, 1)
        owner.talk(with: client)
        #expect(client.responses[id]?.body.count == 11)
        #expect(owner.session.stalledSince == start)
        client.openWindow(id, 5000)
        owner.talk(with: client)
        #expect(owner.session.stalledSince == owner.now)
        owner.session.resetStalled(since: owner.now)
        owner.talk(with: client)
        #expect(owner.events.last == .reset(id, 8))
        #expect(owner.session.activeStreams == 0)
        #expect(owner.session.stalledSince == nil)
    }

    @Test("Parting is in two steps, and no request on its way is lost")
    func graceful() {
        let (owner, client) = pair()
        owner.onEnd = nil
        let first = client.post([1])
        owner.talk(with: client)
        owner.session.goAway()
        let farewell = owner.output()
        let crossing = client.post([2])
        owner.receive(client.output())
        client.receive(farewell)
        #expect(client.goAways.map(\.last) == [Int32.max])
        owner.talk(with: client)
        #expect(client.goAways.map(\.last) == [Int32.max, crossing])
        #expect(client.goAways.allSatisfy { $0.code == 0 })
        #expect(!owner.session.isFinished)
        owner.answer(first)
        owner.answer(crossing)
        owner.talk(with: client)
        #expect(client.responses[crossing]?.isWhole == true)
        #expect(owner.session.isFinished)
        #expect(owner.session.endReason == nil)
    }

    @Test("An answer whose fields are too large resets its stream")
    func largeFields() {
        let (owner, client) = pair()
        owner.onEnd = { owner, stream in
            let value = Array(repeating: UInt8(ascii: "~"), count: 100_000)
            owner.fields.begin()
            value.withUnsafeBytes { owner.fields.field("x", bytes: $0) }
            value.withUnsafeBytes {
                _ = owner.session.respond(stream, status: 200, fields: owner.fields, body: $0)
            }
        }
        let id = client.post([1])
        owner.talk(with: client)
        #expect(client.responses[id]?.closeCode == 2)
        #expect(owner.events.last == .reset(id, 2))
        #expect(owner.session.activeStreams == 0)
    }

    @Test("Of a connection that is gone every stream's end is told")
    func abandoned() {
        let (owner, client) = pair(client: HTTP2Client(streamWindow: 1))
        owner.onEnd = nil
        let ids = [client.post([1]), client.post([2])]
        owner.talk(with: client)
        owner.answer(ids[0])
        owner.session.abandon()
        owner.session.abandon()
        #expect(Array(owner.events.suffix(2)) == [.reset(ids[0], 8), .reset(ids[1], 8)])
    }
}
