// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

/// HTTP/2 clients that cost a server more than themselves: each loses its connection, nobody else notices, and the
/// process's memory stays where it was.
@Suite(.gateway(["http.write_seconds": "2", "http.header_seconds": "2"]))
struct HTTP2AbuseTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    struct Flood: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Of `tollgate_http2_connections_ended_total`.
        let reason: String
        let bytes: [UInt8]
    }

    static let floods: [Flood] = {
        typealias Frames = HTTP2Frames
        let block = Frames.block("GET", "/livez")
        return [
            Flood(
                testDescription: "rapid reset",
                reason: "rapid_reset",
                bytes: (0..<1000).flatMap { number in
                    let stream = UInt32(2 * number + 1)
                    return Frames.get("/livez", stream: stream)
                        + Frames.frame(.resetStream, stream: stream, Frames.word(8))
                }
            ),
            Flood(
                testDescription: "PING",
                reason: "ping_flood",
                bytes: (0..<5000).flatMap { _ in Frames.frame(.ping, [UInt8](repeating: 7, count: 8)) }
            ),
            Flood(
                testDescription: "SETTINGS",
                reason: "settings_flood",
                bytes: (0..<2000).flatMap { _ in Frames.frame(.settings) }
            ),
            Flood(
                testDescription: "CONTINUATION without end",
                reason: "continuation_flood",
                bytes: Frames.frame(.headers, flags: Frames.endStream, stream: 1, block)
                    + (0..<2000).flatMap { _ in Frames.frame(.continuation, stream: 1, [0, 1, 0x61, 1, 0x62]) }
            ),
            Flood(
                testDescription: "PRIORITY",
                reason: "priority_flood",
                bytes: (0..<5000).flatMap { _ in Frames.frame(.priority, stream: 1, [0, 0, 0, 0, 1]) }
            ),
            Flood(
                testDescription: "WINDOW_UPDATE",
                reason: "window_update_flood",
                bytes: (0..<5000).flatMap { _ in Frames.frame(.windowUpdate, Frames.word(1)) }
            ),
            Flood(
                testDescription: "empty DATA",
                reason: "empty_frame_flood",
                bytes: Frames.frame(
                    .headers,
                    flags: Frames.endHeaders,
                    stream: 1,
                    Frames.block("POST", "/predict", [("content-type", "application/json")])
                ) + (0..<5000).flatMap { _ in Frames.frame(.data, stream: 1) }
            ),
            Flood(
                testDescription: "a head that unpacks into a megabyte",
                reason: "header_bomb",
                // One field of 4,000 bytes is remembered, then named 1,000 times with a byte each.
                bytes: Frames.frame(
                    .headers,
                    flags: Frames.endStream | Frames.endHeaders,
                    stream: 1,
                    block + [0x40, 1, 0x78, 0x7f, 0xa1, 0x1e] + [UInt8](repeating: 0x61, count: 4000)
                        + [UInt8](repeating: 0xbe, count: 1000)
                )
            ),
        ]
    }()

    @Test("A flood ends with GOAWAY and ENHANCE_YOUR_CALM, while others are served", arguments: floods)
    func flood(flood: Flood) throws {
        let bystander = try gateway.http2()
        let labels = "reason=\"\(flood.reason)\""
        let before = try gateway.metric("tollgate_http2_connections_ended_total", labels)
        func attack() throws {
            let connection = try gateway.rawHTTP2()
            connection.send(HTTP2Frames.preface + flood.bytes)
            let rest = connection.readToEnd()
            #expect(rest.end != .timedOut)
            #expect(HTTP2Frames.goAwayCode(rest.bytes) == HTTP2Frames.enhanceYourCalm)
            #expect(try bystander.answer(bystander.request("GET", "/livez")).status == 200)
        }
        for _ in 0..<5 { try attack() }
        let memory = try gateway.residentMemory()
        for _ in 0..<20 { try attack() }
        #expect(try gateway.residentMemory() - memory < 32 << 20, "from \(memory) bytes")
        try gateway.awaitMetric("tollgate_http2_connections_ended_total", labels, atLeast: before + 25)
    }

    @Test("Answers that a client asks for and does not let in are given up in time, and hold little")
    func zeroWindow() throws {
        let tenant = try gateway.makeTenant()
        let bystander = try gateway.http2()
        // SETTINGS_INITIAL_WINDOW_SIZE of 0, and never a WINDOW_UPDATE.
        let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + HTTP2Frames.frame(.settings, [0, 4, 0, 0, 0, 0])
        let requests = (0..<100).flatMap { number in
            HTTP2Frames.get(
                "/v1/models/digits",
                stream: UInt32(2 * number + 1),
                [("authorization", "Bearer \(tenant.key)")]
            )
        }
        let memory = try gateway.residentMemory()
        let attackers = try (0..<10).map { _ in
            let connection = try gateway.rawHTTP2()
            connection.send(preface + requests)
            return connection
        }
        #expect(try bystander.answer(bystander.request("GET", "/livez")).status == 200)
        for connection in attackers {
            var received: [UInt8] = []
            func resets() -> Set<UInt32> {
                Set(
                    HTTP2Frames.frames(received).filter { $0.kind == HTTP2Frames.Kind.resetStream.rawValue }
                        .map(\.stream)
                )
            }
            while resets().count < 100 { received += try #require(connection.next(), "\(resets().count) resets") }
            #expect(!HTTP2Frames.frames(received).contains { $0.kind == 0 && !$0.payload.isEmpty })
        }
        #expect(try gateway.residentMemory() - memory < 64 << 20)
        #expect(try bystander.answer(bystander.request("GET", "/livez")).status == 200)
    }

    @Test(
        "A head that comes a byte at a time is given up in time",
        arguments: ["in one frame", "in a frame and its continuation", "before the preface has ended"]
    )
    func slowHead(way: String) throws {
        typealias Frames = HTTP2Frames
        let head = Frames.get("/livez", stream: 1, [("x-a", String(repeating: "a", count: 120))])
        let split = Array(Frames.block("GET", "/livez", [("x-a", String(repeating: "a", count: 120))]))
        let bytes =
            switch way {
            case "in one frame": Frames.preface + head
            case "before the preface has ended": Frames.preface
            default:
                Frames.preface + Frames.frame(.headers, flags: 1, stream: 1, Array(split[..<20]))
                    + Frames.frame(.continuation, flags: Frames.endHeaders, stream: 1, Array(split[20...]))
            }
        let connection = try gateway.rawHTTP2()
        let first = way == "before the preface has ended" ? 3 : Frames.preface.count + 12
        connection.send(Array(bytes[..<first]))
        // Ends long before all bytes are through at four a second.
        var sent = first
        while sent < bytes.count - 1, connection.send([bytes[sent]]) {
            sent += 1
            if connection.isEnded(within: 0.25) { break }
        }
        #expect(sent < first + 24, "\(sent - first) bytes were taken, one each quarter of a second")
    }
}
