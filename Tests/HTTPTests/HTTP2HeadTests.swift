// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTP

@Suite("A head in HTTP/2")
struct HTTP2HeadTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var fields: [(String, String)]
        var ends = true
        /// nil: it is taken.
        var fault: HTTPFault.Kind?
    }

    private static func fields(
        _ more: [(String, String)] = [],
        method: String? = "GET",
        scheme: String? = "https",
        path: String? = "/",
        authority: String? = "localhost"
    ) -> [(String, String)] {
        [(":method", method), (":scheme", scheme), (":path", path), (":authority", authority)]
            .compactMap { name, value in value.map { (name, $0) } } + more
    }

    static let judged: [Case] = [
        Case(testDescription: "Visible bytes in the target", fields: fields(path: "/a%20b?c=\"{}|^")),
        Case(testDescription: "A host beside the same authority", fields: fields([("host", "LOCALHOST")])),
        Case(testDescription: "A host in its place", fields: fields([("host", "a.b:1")], authority: nil)),
        Case(testDescription: "te: trailers", fields: fields([("te", "trailers")])),
        Case(testDescription: "Two cookie crumbs", fields: fields([("cookie", "a=b"), ("cookie", "c=d")])),
        Case(testDescription: "An address as authority", fields: fields(authority: "[::1]:443")),
        Case(testDescription: "Another host", fields: fields([("host", "other")]), fault: .malformed),
        Case(testDescription: "A user in the authority", fields: fields(authority: "u@localhost"), fault: .malformed),
        Case(testDescription: "A fragment", fields: fields(path: "/a#b"), fault: .malformed),
        Case(testDescription: "A byte beyond ASCII in the target", fields: fields(path: "/é"), fault: .malformed),
        Case(testDescription: "An asterisk", fields: fields(method: "OPTIONS", path: "*"), fault: .malformed),
        Case(
            testDescription: "A long target",
            fields: fields(path: "/" + String(repeating: "a", count: 8192)),
            fault: .targetTooLong
        ),
        Case(testDescription: "A method that is not registered", fields: fields(method: "get"), fault: .malformed),
        Case(
            testDescription: "CONNECT",
            fields: fields(method: "CONNECT", scheme: nil, path: nil),
            fault: .malformed
        ),
        Case(testDescription: "Another scheme", fields: fields(scheme: "ftp"), fault: .malformed),
        Case(
            testDescription: "Two authorizations",
            fields: fields([("authorization", "a"), ("authorization", "b")]),
            fault: .malformed
        ),
        Case(
            testDescription: "Two content types",
            fields: fields([("content-type", "a/b"), ("content-type", "a/b")], method: "POST"),
            fault: .malformed
        ),
        Case(
            testDescription: "A length with a leading zero",
            fields: fields([("content-length", "05")], method: "POST"),
            ends: false,
            fault: .malformed
        ),
        Case(
            testDescription: "A body with GET",
            fields: fields([("content-length", "5")]),
            ends: false,
            fault: .malformed
        ),
        Case(testDescription: "Another expectation", fields: fields([("expect", "cake")]), fault: .expectationFailed),
        Case(testDescription: "A control character in a value", fields: fields([("x", "a\u{1}b")]), fault: .malformed),
        Case(testDescription: "Blanks around a value", fields: fields([("x", " a")]), fault: .malformed),
        Case(testDescription: "A blank in a name", fields: fields([("x y", "a")]), fault: .malformed),
        Case(
            testDescription: "Too many fields",
            fields: fields((0..<61).map { ("x-\($0)", "") }),
            fault: .tooManyFields
        ),
        Case(
            testDescription: "Too many bytes",
            fields: fields([("x", String(repeating: "a", count: 16_200))]),
            fault: .headTooLarge
        ),
    ]

    @Test("is judged as in HTTP/1.1, and what is wrong can be answered", arguments: judged)
    func answered(_ example: Case) {
        let owner = HTTP2Owner()
        owner.onMalformed = { $0.answer($1.id, 400) }
        owner.receive(HTTP2Bytes.preface + HTTP2Bytes.head(example.fields, ends: example.ends))
        if let fault = example.fault {
            #expect(owner.events == [.malformed(1, fault)])
            let sent = HTTP2Bytes.frames(owner.output())
            #expect(sent.contains { $0.header.type == FrameHeader.Kind.headers })
            // A client that has not ended its request has its time for that.
            #expect(owner.session.activeStreams == (example.ends ? 0 : 1))
        } else {
            #expect(owner.heads[1] != nil && owner.events.count == 2)
        }
        #expect(owner.session.endReason == nil)
    }

    static let reset: [Case] = [
        Case(testDescription: "No path", fields: fields(path: nil)),
        Case(testDescription: "No method", fields: fields(method: nil)),
        Case(testDescription: "No scheme", fields: fields(scheme: nil)),
        Case(testDescription: "No host", fields: fields(authority: nil)),
        Case(testDescription: "An empty path", fields: fields(path: "")),
        Case(testDescription: "The absolute form", fields: fields(path: "https://localhost/")),
        Case(testDescription: "Two paths", fields: fields() + [(":path", "/b")]),
        Case(testDescription: "A pseudo-header field behind others", fields: [("x", "y")] + fields()),
        Case(testDescription: "An unknown pseudo-header field", fields: [(":what", "y")] + fields()),
        Case(testDescription: ":status in a request", fields: [(":status", "200")] + fields()),
        Case(testDescription: ":protocol", fields: [(":protocol", "websocket")] + fields(method: "CONNECT")),
        Case(testDescription: "A name with a capital", fields: fields([("Accept", "a/b")])),
        Case(testDescription: "connection", fields: fields([("connection", "close")])),
        Case(testDescription: "transfer-encoding", fields: fields([("transfer-encoding", "chunked")], method: "POST")),
        Case(testDescription: "upgrade", fields: fields([("upgrade", "h2c")])),
        Case(testDescription: "keep-alive", fields: fields([("keep-alive", "1")])),
        Case(testDescription: "proxy-connection", fields: fields([("proxy-connection", "close")])),
        Case(testDescription: "te: gzip", fields: fields([("te", "gzip")])),
        Case(testDescription: "Two hosts", fields: fields([("host", "localhost"), ("host", "localhost")])),
        Case(testDescription: "Two lengths", fields: fields([("content-length", "1"), ("content-length", "1")])),
        Case(testDescription: "A length with a sign", fields: fields([("content-length", "+1")], method: "POST")),
        Case(testDescription: "A length without a body", fields: fields([("content-length", "1")], method: "POST")),
        Case(testDescription: "A line end in the target", fields: fields(path: "/a\r\nb")),
    ]

    @Test("that RFC 9113 calls malformed resets its stream alone", arguments: reset)
    func refused(_ example: Case) {
        let owner = HTTP2Owner()
        owner.onEnd = { $0.answer($1.id) }
        owner.receive(HTTP2Bytes.preface + HTTP2Bytes.head(example.fields))
        #expect(HTTP2Bytes.resetCode(owner.output()) == 1)
        #expect(owner.events == [.refused(1)])
        owner.receive(HTTP2Bytes.head(Self.fields(), stream: 3))
        _ = owner.output()
        #expect(owner.events.last == .answered(3))
        #expect(owner.session.activeStreams == 0)
    }

    @Test("with less or more data than its length resets its stream", arguments: [1, 3])
    func length(count: Int) {
        let owner = HTTP2Owner()
        let head = HTTP2Bytes.head(Self.fields([("content-length", "2")], method: "POST"), ends: false)
        let data = HTTP2Bytes.frame(FrameHeader.Kind.data, flags: 1, stream: 1, Array(repeating: 0, count: count))
        owner.receive(HTTP2Bytes.preface + head + data)
        #expect(HTTP2Bytes.resetCode(owner.output()) == 1)
        #expect(owner.events.last == .reset(1, 1))
        #expect(!owner.events.contains(.end(1)))
    }

    @Test("with data and a method that takes none is refused")
    func body() {
        let owner = HTTP2Owner()
        let data = HTTP2Bytes.frame(FrameHeader.Kind.data, flags: 1, stream: 1, [1])
        owner.receive(HTTP2Bytes.preface + HTTP2Bytes.head(Self.fields(), ends: false) + data)
        #expect(owner.events.last == .malformed(1, .malformed))
        #expect(owner.bodies.isEmpty)
    }

    @Test("of a method that takes no body may end with an empty frame")
    func emptyFrame() {
        let owner = HTTP2Owner()
        let data = HTTP2Bytes.frame(FrameHeader.Kind.data, flags: 1, stream: 1)
        owner.receive(HTTP2Bytes.preface + HTTP2Bytes.head(Self.fields(), ends: false) + data)
        #expect(owner.events.last == .end(1))
    }

    @Test("may not come behind the body, and what comes with it is not delivered")
    func trailers() {
        let owner = HTTP2Owner()
        let head = HTTP2Bytes.head(Self.fields(method: "POST"), ends: false)
        let data = HTTP2Bytes.frame(FrameHeader.Kind.data, stream: 1, [1])
        owner.receive(HTTP2Bytes.preface + head + data + HTTP2Bytes.head([("authorization", "x")]))
        #expect(owner.events.dropFirst() == [.malformed(1, .trailers)])
        owner.answer(1, 400)
        _ = owner.output()
        #expect(owner.events.last == .answered(1))
    }

    @Test("without a length that does not end the stream announces a body")
    func unknownLength() {
        let owner = HTTP2Owner()
        owner.receive(HTTP2Bytes.preface + HTTP2Bytes.head(Self.fields(method: "POST"), ends: false))
        owner.receive(HTTP2Bytes.head(Self.fields(method: "POST"), stream: 3))
        #expect(owner.heads[1]?.hasBody == true)
        #expect(owner.heads[3]?.hasBody == false)
    }

    @Test("may refer to the dynamic table, and may not to what is not there")
    func dynamicTable() {
        let owner = HTTP2Owner()
        let remembered = Self.fields([("authorization", "Bearer t")]).flatMap { HTTP2Bytes.remembered($0.0, $0.1) }
        owner.receive(HTTP2Bytes.preface + HTTP2Bytes.frame(1, flags: 5, stream: 1, remembered))
        // The newest entry is 62: fields come back in the order of their indices.
        owner.receive(
            HTTP2Bytes.frame(1, flags: 5, stream: 3, [0x80 | 66, 0x80 | 65, 0x80 | 64, 0x80 | 63, 0x80 | 62])
        )
        #expect(owner.text(3, .authorization) == "Bearer t")
        owner.receive(HTTP2Bytes.frame(1, flags: 5, stream: 5, [0x80 | 67]))
        #expect(HTTP2Bytes.goAwayCode(owner.output()) == 9)
        #expect(owner.session.endReason == .violation(.compressionError))
        #expect(owner.session.isFinished)
    }

    @Test("may not make the dynamic table larger than was announced")
    func tableSize() {
        let owner = HTTP2Owner()
        owner.receive(HTTP2Bytes.preface + HTTP2Bytes.frame(1, flags: 5, stream: 1, [0x3f, 0xe2, 0x1f]))
        #expect(HTTP2Bytes.goAwayCode(owner.output()) == 9)
    }
}
