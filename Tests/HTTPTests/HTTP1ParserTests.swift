// SPDX-License-Identifier: Apache-2.0

import HTTP
import Testing

@Suite struct HTTP1ParserTests {
    @Test func `an ordinary request is taken apart`() throws {
        let request = """
            POST /v1/models/digits:predict?a=1&b=? HTTP/1.1\r
            host: localhost:8443\r
            AUTHORIZATION:  Bearer abc \r
            Content-Type:application/json\r
            content-length: 12\r
            Expect: 100-Continue\r
            X-Other: x\r
            Inference-Header-Content-Length: 7\r
            \r\n
            """
        try withHead(request) { head, bytes in
            #expect(head.method == .post)
            #expect(head.version == .http11)
            #expect(text(head.pathRange, bytes) == "/v1/models/digits:predict")
            #expect(text(head.queryRange, bytes) == "a=1&b=?")
            #expect(text(head.authorityRange, bytes) == "localhost:8443")
            #expect(text(head[.authorization], bytes) == "Bearer abc")
            #expect(text(head[.contentType], bytes) == "application/json")
            #expect(text(head[.inferenceHeaderContentLength], bytes) == "7")
            #expect(head[.accept] == nil)
            #expect(head.contentLength == 12)
            #expect(head.fieldCount == 7)
            #expect(head.hasBody && head.keepsAlive && head.expectsContinue && !head.isChunked)
        }
    }

    @Test func `the absolute form with the same host is the path behind it`() throws {
        func path(_ target: String) throws -> (String?, String?) {
            try withHead("GET \(target) HTTP/1.1\r\nHost: a:8443\r\n\r\n") { head, bytes in
                (text(head.pathRange, bytes), text(head.queryRange, bytes))
            }
        }
        #expect(try path("https://A:8443/predict?x") == ("/predict", "x"))
        #expect(try path("HTTP://a:8443") == ("/", nil))
        #expect(try path("https://a:8443?x/y") == ("/", "x/y"))
    }

    @Test func `of a repeated list field the first is kept and the repetition noted`() throws {
        try withHead("GET / HTTP/1.1\r\nHost: a\r\nAccept: b/c\r\nAccept: d/e\r\n\r\n") { head, bytes in
            #expect(text(head[.accept], bytes) == "b/c")
            #expect(head.isRepeated(.accept) && !head.isRepeated(.host))
        }
    }

    @Test(arguments: [
        ("HTTP/1.1", "", true), ("HTTP/1.0", "", false),
        ("HTTP/1.1", "Connection: foo ,\tClose\r\n", false), ("HTTP/1.1", "Connection: closed\r\n", true),
        ("HTTP/1.1", "Connection: a\r\nConnection: close\r\n", false),
        ("HTTP/1.0", "Connection: Keep-Alive\r\n", true), ("HTTP/1.0", "Connection: keep-alive, close\r\n", false),
        ("HTTP/1.1", "Connection: close, keep-alive\r\n", false), ("HTTP/1.1", "Proxy-Connection: close\r\n", false),
        ("HTTP/1.0", "Proxy-Connection: keep-alive\r\n", false),
        ("HTTP/1.1", "Connection: upgrade\r\nUpgrade: h2c\r\n", true),
    ])
    func `a connection is kept as its version and its options say`(version: String, fields: String, kept: Bool) throws {
        let request = "GET / \(version)\r\nHost: a\r\n\(fields)\r\n"
        #expect(try withHead(request) { head, _ in head.keepsAlive } == kept)
        // Whatever stands behind a connection's last request is read as nothing.
        let reading = Reading(Array("\(request)GET /behind HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        #expect(reading.targets == (kept ? ["/", "/behind"] : ["/"]))
        #expect(reading.isOver == !kept)
        #expect(reading.fault == nil)
    }

    @Test func `leave is waited for only where there is a body, and with HTTP 1.1`() throws {
        func waits(_ version: String, _ length: Int) throws -> Bool {
            let text = "POST / \(version)\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: \(length)\r\n\r\n"
            return try withHead(text) { head, _ in head.expectsContinue }
        }
        #expect(try waits("HTTP/1.1", 5))
        #expect(try !waits("HTTP/1.1", 0))
        #expect(try !waits("HTTP/1.0", 5))
    }

    @Test func `requests that come in one piece are read one after the other, bodies apart`() {
        let post = "POST /a HTTP/1.1\r\nHost: a\r\n"
        let text =
            "\(post)Content-Length: 5\r\n\r\nhello\(post)Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
            + "\r\nGET /last HTTP/1.1\r\nHost: a\r\n\r\n"
        let reading = Reading(Array(text.utf8))
        #expect(reading.targets == ["/a", "/a", "/last"])
        #expect(reading.marks.filter { $0.kind == .end }.map(\.bodyBytes) == [5, 5, 0])
        #expect(reading.marks.last?.offset == text.utf8.count)
    }

    @Test func `a chunked body is the same wherever it is cut`() {
        let body = "1\r\nh\r\n0004;a=b\r\nello\r\nA\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n"
        let bytes = Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(body)".utf8)
        for cut in 1..<bytes.count {
            let reading = Reading(bytes, cuts: [cut])
            #expect(reading.body == Array("hello\r\n\r\n\r\n\r\n\r\n".utf8))
            #expect(reading.marks.last?.offset == bytes.count)
        }
    }

    @Test func `a head of just as many bytes as it may have is taken, and of one more refused`() {
        let bytes = Array("\r\nGET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 100))\r\n\r\n".utf8)
        var limits = HTTP1Limits()
        for cuts in [[], [40], Array(1..<bytes.count)] {
            // The empty line before does not count.
            limits.headBytes = bytes.count - 2
            #expect(Reading(bytes, cuts: cuts, limits: limits).marks.count == 2)
            limits.headBytes -= 1
            #expect(Reading(bytes, cuts: cuts, limits: limits).fault?.kind == .headTooLarge)
        }
    }

    @Test func `a parser that failed says so again and again`() {
        var parser = HTTP1Parser(limits: HTTP1Limits())
        var faults: [HTTPFault] = []
        for text in ["garbage\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""] {
            if case .failed(let fault) = Array(text.utf8).withUnsafeBytes({ parser.next($0) }) { faults.append(fault) }
        }
        #expect(faults.count == 3 && Set(faults.map(\.description)).count == 1)
        #expect(parser.isOver && !parser.isIdle)
    }

    @Test func `a parser is idle until a request begins and again when it is over`() {
        var parser = HTTP1Parser(limits: HTTP1Limits())
        #expect(parser.isIdle)
        Array("GET / HT".utf8).withUnsafeBytes { _ = parser.next($0) }
        #expect(!parser.isIdle)
        Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8).withUnsafeBytes { _ = parser.next($0) }
        #expect(!parser.isIdle)
        _ = parser.next(UnsafeRawBufferPointer(start: nil, count: 0))
        #expect(parser.isIdle && !parser.isOver)
    }

    @Test func `of an empty line alone nothing is kept, and of a second one nothing taken`() {
        var parser = HTTP1Parser(limits: HTTP1Limits())
        let events = [Array("\r\n".utf8), Array("\r\n".utf8)].map { line in line.withUnsafeBytes { parser.next($0) } }
        guard case .needsMore(consumed: 2) = events[0], case .failed = events[1] else {
            Issue.record("\(events)")
            return
        }
    }
}
