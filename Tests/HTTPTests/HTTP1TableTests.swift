// SPDX-License-Identifier: Apache-2.0

import HTTP
import Testing

/// What is taken and what is refused, with the rule that says so.
@Suite struct HTTP1TableTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let rule: String
        let bytes: String
        /// nil where the request is taken.
        let fault: HTTPFault.Kind?

        init(_ description: String, _ rule: String, _ bytes: String, _ fault: HTTPFault.Kind? = .malformed) {
            testDescription = "\(description) (\(rule))"
            self.rule = rule
            self.bytes = bytes
            self.fault = fault
        }
    }

    private static let get = "GET / HTTP/1.1\r\nHost: localhost\r\n"
    private static let post = "POST / HTTP/1.1\r\nHost: localhost\r\n"
    private static let coded = "\(post)Transfer-Encoding: chunked\r\n\r\n"

    private static func line(_ line: String) -> String { "\(line)\r\nHost: localhost\r\n\r\n" }

    private static let requestLines = [
        Row("an ordinary request", "RFC 9112, 3", line("GET / HTTP/1.1"), nil),
        Row("HTTP/1.0 without Host", "RFC 9112, 3.2", "GET / HTTP/1.0\r\n\r\n", nil),
        Row("one empty line before", "RFC 9112, 2.2", "\r\n\(get)\r\n", nil),
        Row("two empty lines before", "RFC 9112, 2.2", "\r\n\r\n\(get)\r\n"),
        Row("a registered method", "RFC 9110, 9.1", line("PROPFIND / HTTP/1.1"), nil),
        Row("an unknown method", "RFC 9110, 9.1", line("BREW / HTTP/1.1")),
        Row("a method in small letters", "RFC 9110, 9.1", line("get / HTTP/1.1")),
        Row("a method of 25 bytes", "RFC 9112, 3", line("\(String(repeating: "A", count: 25)) / HTTP/1.1")),
        Row("CONNECT", "RFC 9110, 9.3.6", line("CONNECT localhost:443 HTTP/1.1")),
        Row("no target", "RFC 9112, 3", line("GET HTTP/1.1")),
        Row("two spaces", "RFC 9112, 3", line("GET  / HTTP/1.1")),
        Row("a tab for a space", "RFC 9112, 3", line("GET\t/ HTTP/1.1")),
        Row("a space behind the version", "RFC 9112, 3", line("GET / HTTP/1.1 ")),
        Row("HTTP/0.9", "RFC 9112, 2.3", line("GET /")),
        Row("HTTP/1.2", "RFC 9112, 2.3", line("GET / HTTP/1.2"), .versionUnsupported),
        Row("HTTP/2's preface", "RFC 9113, 3.4", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        Row("HTTP/2.0", "RFC 9112, 2.3", line("GET / HTTP/2.0"), .versionUnsupported),
        Row("a version in small letters", "RFC 9112, 2.3", line("GET / http/1.1")),
        Row("# in the target", "RFC 9112, 3.2", line("GET /a#b HTTP/1.1")),
        Row("bytes above 127 in the target", "RFC 9112, 3.2", line("GET /\u{e9} HTTP/1.1")),
        Row("the asterisk form", "RFC 9112, 3.2.4", line("OPTIONS * HTTP/1.1")),
        Row("the authority form", "RFC 9112, 3.2.3", line("GET localhost:80 HTTP/1.1")),
        Row("the absolute form", "RFC 9112, 3.2.2", line("GET https://LOCALHOST/a HTTP/1.1"), nil),
        Row("the absolute form with another host", "RFC 9112, 3.2.2", line("GET https://elsewhere/ HTTP/1.1")),
        Row("the absolute form without Host", "RFC 9112, 3.2.2", "GET http://a/ HTTP/1.0\r\n\r\n"),
        Row(
            "a target that is too long",
            "RFC 9112, 3",
            line("GET /\(String(repeating: "a", count: 8192)) HTTP/1.1"),
            .targetTooLong
        ),
    ]

    private static let fields = [
        Row("no Host", "RFC 9112, 3.2", "GET / HTTP/1.1\r\n\r\n"),
        Row("two Hosts", "RFC 9112, 3.2", "\(get)Host: localhost\r\n\r\n"),
        Row("an empty Host", "RFC 9110, 4.2.2", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
        Row("a Host with a path", "RFC 9110, 7.2", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        Row("an IPv6 address as Host", "RFC 9110, 7.2", "GET / HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n", nil),
        Row("a value of no bytes", "RFC 9110, 5.5", "\(get)X-Empty:\r\n\r\n", nil),
        Row("blanks around a value", "RFC 9112, 5", "\(get)X: \t a \t\r\n\r\n", nil),
        Row("bytes above 127 in a value", "RFC 9110, 5.5", "\(get)X: \u{e9}\r\n\r\n", nil),
        Row("a blank before the colon", "RFC 9112, 5.1", "\(get)X : a\r\n\r\n"),
        Row("a folded field", "RFC 9112, 5.2", "\(get)X: a\r\n b\r\n\r\n"),
        Row("a field without a name", "RFC 9112, 5", "\(get): a\r\n\r\n"),
        Row("a field without a colon", "RFC 9112, 5", "\(get)nonsense\r\n\r\n"),
        Row("NUL in a value", "RFC 9110, 5.5", "\(get)X: a\0b\r\n\r\n"),
        Row("a control character in a value", "RFC 9110, 5.5", "\(get)X: a\u{1b}b\r\n\r\n"),
        Row("an LF alone", "RFC 9112, 2.2", "\(get)X: a\n\r\n"),
        Row("a CR alone", "RFC 9112, 2.2", "\(get)X: a\rb\r\n\r\n"),
        Row("two Authorizations", "RFC 9110, 11.6.2", "\(get)Authorization: a\r\nauthorization: a\r\n\r\n"),
        Row("two Content-Types", "RFC 9110, 5.3", "\(post)Content-Type: a/b\r\nContent-Type: a/b\r\n\r\n"),
        Row("two Accepts", "RFC 9110, 5.3", "\(get)Accept: a/b\r\nAccept: c/d\r\n\r\n", nil),
        Row("two Expects", "RFC 9110, 10.1.1", "\(post)Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n"),
        Row("another expectation", "RFC 9110, 10.1.1", "\(post)Expect: tea\r\n\r\n", .expectationFailed),
        Row("an upgrade, which is ignored", "RFC 9110, 7.8", "\(get)Upgrade: h2c\r\nConnection: upgrade\r\n\r\n", nil),
        Row(
            "65 fields",
            "RFC 9110, 5.4",
            "\(get)\(String(repeating: "X: a\r\n", count: 64))\r\n",
            .tooManyFields
        ),
        Row("64 fields", "RFC 9110, 5.4", "\(get)\(String(repeating: "X: a\r\n", count: 63))\r\n", nil),
        Row(
            "a head that is too large",
            "RFC 9110, 5.4",
            "\(get)X: \(String(repeating: "a", count: 16_384))\r\n\r\n",
            .headTooLarge
        ),
    ]

    private static let bodies = [
        Row("a body of a known length", "RFC 9112, 6.2", "\(post)Content-Length: 5\r\n\r\nhello", nil),
        Row("a length of 0 on GET", "RFC 9110, 9.3.1", "\(get)Content-Length: 0\r\n\r\n", nil),
        Row("a body on GET", "RFC 9110, 9.3.1", "\(get)Content-Length: 5\r\n\r\nhello"),
        Row("chunks on GET", "RFC 9110, 9.3.1", "\(get)Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        Row("a leading zero", "RFC 9110, 8.6", "\(post)Content-Length: 05\r\n\r\nhello"),
        Row("a tab behind a length", "RFC 9110, 8.6", "\(post)Content-Length: 5\t\r\n\r\nhello"),
        Row("a sign", "RFC 9110, 8.6", "\(post)Content-Length: +5\r\n\r\nhello"),
        Row("a list of lengths", "RFC 9110, 8.6", "\(post)Content-Length: 5, 5\r\n\r\nhello"),
        Row("two equal lengths", "RFC 9110, 8.6", "\(post)Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
        Row("a length of 15 digits", "RFC 9110, 8.6", "\(post)Content-Length: 999999999999999\r\n\r\n", nil),
        Row("a length of 16 digits", "RFC 9110, 8.6", "\(post)Content-Length: 1000000000000000\r\n\r\n"),
        Row("a coding and a length", "RFC 9112, 6.3", "\(post)Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
        Row("another coding", "RFC 9112, 6.1", "\(post)Transfer-Encoding: gzip, chunked\r\n\r\n"),
        Row("an empty coding", "RFC 9112, 6.1", "\(post)Transfer-Encoding: ,chunked\r\n\r\n"),
        Row(
            "chunked twice",
            "RFC 9112, 6.1",
            "\(post)Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
        ),
        Row("chunks on HTTP/1.0", "RFC 9112, 6.1", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        Row("chunks", "RFC 9112, 7.1", "\(coded)5\r\nhello\r\n0\r\n\r\n", nil),
        Row("chunks with extensions", "RFC 9112, 7.1.1", "\(coded)5;a;b=c;d=\"e f\"\r\nhello\r\n0;x\r\n\r\n", nil),
        Row("a chunk size with a blank", "RFC 9112, 7.1", "\(coded) 5\r\nhello\r\n", .bodyChunkMalformed),
        Row("a chunk size of 17 digits", "RFC 9112, 7.1", "\(coded)00000000000000005\r\n", .bodyChunkMalformed),
        Row("a chunk size beyond 63 bits", "RFC 9112, 7.1", "\(coded)8000000000000000\r\n", .bodyChunkMalformed),
        Row("a chunk longer than its size", "RFC 9112, 7.1", "\(coded)2\r\nhello\r\n", .bodyChunkMalformed),
        Row("LF alone behind a size", "RFC 9112, 7.1", "\(coded)5\nhello\r\n", .bodyChunkMalformed),
        Row("an extension without a name", "RFC 9112, 7.1.1", "\(coded)5;\r\nhello\r\n", .bodyChunkMalformed),
        Row(
            "extensions that are too large",
            "RFC 9112, 7.1.1",
            "\(coded)\(String(repeating: "1;\(String(repeating: "a", count: 1023))\r\nx\r\n", count: 9))",
            .bodyChunkMalformed
        ),
        Row("a trailer", "RFC 9112, 7.1.2", "\(coded)0\r\nAuthorization: a\r\n\r\n", .trailers),
    ]

    @Test(arguments: requestLines + fields + bodies)
    func `a request is taken or refused as the rule says, and after a refusal nothing more is read`(row: Row) {
        let bytes = Array(row.bytes.utf8) + Array("GET /behind HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
        for cuts in [[], Array(1..<bytes.count)] {
            let reading = Reading(bytes, cuts: cuts)
            #expect(reading.fault?.kind == row.fault)
            #expect(row.fault == nil || !reading.targets.contains("/behind"))
            #expect(row.fault == nil || reading.isOver)
        }
    }
}
