// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import HTTP

@Suite("Whatever an HTTP/2 peer sends")
struct HTTP2FuzzTests {
    /// Frames that are mostly legal, sometimes broken, and cut anywhere.
    private struct Peer {
        var random: SeededGenerator
        var newest: UInt32 = 1
        /// Streams whose request has not ended.
        var open: [UInt32] = []

        mutating func number(_ below: Int) -> Int { Int.random(in: 0..<below, using: &random) }

        mutating func bytes(_ most: Int) -> [UInt8] {
            (0..<number(most + 1)).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        }

        mutating func old() -> UInt32 { UInt32(number(Int(newest / 2) + 1)) * 2 + 1 }

        mutating func frame() -> [UInt8] {
            if number(60) == 0 {
                let stream = UInt32(number(Int(newest) + 4))
                let type = UInt8(number(18))
                return HTTP2Bytes.frame(type, flags: UInt8(number(256)), stream: stream, bytes(40))
            }
            switch number(12) {
            case 0...3: return request()
            case 4, 5: return data()
            case 6:
                let stream = old()
                open.removeAll { $0 == stream }
                return HTTP2Bytes.reset(stream)
            case 7, 8:
                let stream = number(2) == 0 ? 0 : old()
                return HTTP2Bytes.frame(8, stream: stream, HTTP2Bytes.word(UInt32(1 + number(1 << 18))))
            case 9: return HTTP2Bytes.frame(6, flags: UInt8(number(2)), Array(repeating: 1, count: 8))
            case 10: return HTTP2Bytes.frame(4, [0, 4] + HTTP2Bytes.word(UInt32(number(1 << 17))))
            default:
                guard let stream = open.last, number(3) == 0 else { return HTTP2Bytes.frame(0xfa, bytes(40)) }
                open.removeLast()
                return HTTP2Bytes.head([("x", "trailer")], stream: stream)
            }
        }

        private mutating func data() -> [UInt8] {
            guard !open.isEmpty else { return request() }
            let at = number(open.count)
            let stream = open[at]
            let ends = number(3) == 0
            if ends { open.remove(at: at) }
            return HTTP2Bytes.frame(0, flags: ends ? 1 : 0, stream: stream, bytes(number(3) == 0 ? 4000 : 50))
        }

        private mutating func request() -> [UInt8] {
            newest += 2
            let ends = number(2) == 0
            if !ends { open.append(newest) }
            let method = ["GET", "POST", "POST", "POST", "HEAD", "PUT", "x"][number(7)]
            var fields = HTTP2Client.head(method, path: ["/", "/a?b", "/c", "a", "/#"][number(5)])
            if number(3) == 0 { fields.append(("content-length", "\(number(50))")) }
            if number(8) == 0 { fields.append(("x", String(repeating: "y", count: number(16_000)))) }
            if number(8) == 0 { fields.append((["te", "connection", "host", "expect"][number(4)], "z")) }
            let block = fields.flatMap { HTTP2Bytes.remembered($0.0, $0.1) }
            let end: UInt8 = ends ? 1 : 0
            guard number(5) == 0 || block.count > 16_384 else {
                return HTTP2Bytes.frame(1, flags: 4 | end, stream: newest, block)
            }
            let cut = number(min(block.count, 16_384))
            return HTTP2Bytes.frame(1, flags: end, stream: newest, Array(block[..<cut]))
                + HTTP2Bytes.frame(9, flags: 4, stream: newest, Array(block[cut...]))
        }
    }

    @Test("it neither traps nor holds more than its limits", arguments: 0..<300)
    func frames(seed: Int) {
        var peer = Peer(random: SeededGenerator(seed: UInt64(seed)))
        var limits = HTTP2Limits()
        limits.maxConcurrentStreams = 8
        limits.streamWindow = 20_000
        limits.connectionWindow = 65_535
        limits.nuisanceBurst = 5000
        let owner = HTTP2Owner(limits)
        owner.consumes = false
        var pending: [HTTP2Stream] = []
        owner.onEnd = { pending.append($1) }
        owner.onMalformed = { owner, stream in if !pending.contains(stream) { pending.append(stream) } }
        owner.onReset = { owner, stream in if pending.contains(stream) == false { owner.session.finish(stream) } }
        owner.receive(HTTP2Bytes.preface)
        var rest: [UInt8] = []
        for _ in 0..<200 where owner.session.endReason == nil {
            rest += peer.frame()
            let cut = peer.number(2) == 0 ? rest.count : peer.number(rest.count)
            owner.receive(Array(rest[..<cut]))
            rest.removeFirst(cut)
            #expect(owner.session.activeStreams <= limits.maxConcurrentStreams)
            while let stream = pending.last, peer.number(3) > 0 {
                pending.removeLast()
                switch peer.number(4) {
                case 0: owner.session.reset(stream, .internalError)
                case 1: owner.session.consumed(stream, 1 << 20)
                default: break
                }
                owner.answer(stream.id, 200, Array(repeating: 1, count: peer.number(40_000)))
            }
            if peer.number(2) == 0 { _ = owner.output(limit: 1 + peer.number(50_000)) }
            owner.now += Int64(peer.number(100_000_000))
        }
        _ = owner.output()
        for stream in pending { owner.answer(stream.id) }
        owner.session.abandon()
        for stream in owner.streams.values { owner.session.finish(stream) }
        #expect(Self.everyStreamEndsOnce(owner))
    }

    @Test("random bytes behind the preface end the session or wait for more", arguments: 0..<100)
    func noise(seed: Int) {
        var peer = Peer(random: SeededGenerator(seed: UInt64(seed)))
        let owner = HTTP2Owner()
        owner.receive(HTTP2Bytes.preface)
        for _ in 0..<50 { owner.receive(peer.bytes(2000)) }
        _ = owner.output()
        #expect(owner.session.activeStreams <= owner.session.limits.maxConcurrentStreams)
    }

    /// Of each stream at most one end is told.
    private static func everyStreamEndsOnce(_ owner: HTTP2Owner) -> Bool {
        var ended: Set<Int32> = []
        for event in owner.events {
            switch event {
            case .answered(let id), .reset(let id, _): if !ended.insert(id).inserted { return false }
            case .request(let id, _, _, _), .end(let id), .malformed(let id, _): if ended.contains(id) { return false }
            case .refused: break
            }
        }
        return true
    }
}
