// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import HTTP

@Suite("The same request in HTTP/1.1 and HTTP/2")
struct HTTP2AgreementTests {
    /// What matters behind the codecs.
    private struct Meaning: Equatable {
        var texts: [String?]
        var length: Int?
        var expects: Bool

        init(_ head: RequestHead, _ bytes: [UInt8]) {
            func text(_ range: ByteRange?) -> String? { range.map { String(decoding: bytes[$0.range], as: UTF8.self) } }
            let ranges = [head.methodRange, head.pathRange, head.authorityRange, head.queryRange]
            texts = ranges.map(text) + [KnownField.authorization, .contentType, .host, .accept].map { text(head[$0]) }
            length = head.contentLength
            expects = head.expectsContinue
        }
    }

    @Test("is taken by both or by neither, and means the same", arguments: 0..<2000)
    func agree(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        func pick<T>(_ values: [T]) -> T { values[Int.random(in: 0..<values.count, using: &random)] }
        let method = pick(["GET", "POST", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "TRACE", "get", "FOO"])
        let path = pick(["/", "/a", "/a?b", "/a?b?c", "/?", "/#", "/a\"b", "/%zz", "/a|b", "*"])
        let host = pick(["localhost", "localhost", "a.b:80", "[::1]", "u@h", "a b", "h:", "h:x"])
        let length = pick([nil, nil, "0", "3", "03", "3 3", "99999999999999999999"] as [String?])
        var fields = length.map { [("content-length", $0)] } ?? []
        for _ in 0..<Int.random(in: 0..<4, using: &random) {
            fields.append(
                pick([
                    ("authorization", "Bearer a"), ("content-type", "a/b"), ("accept", "x/y"),
                    ("expect", "100-continue"),
                    ("expect", "other"), ("x-any", "b\u{1}"), ("x-any", "b"), ("x any", "b"), ("idempotency-key", "k"),
                ])
            )
        }
        let lines = [("host", host)] + fields
        let text = "\(method) \(path) HTTP/1.1\r\n" + lines.map { "\($0.0): \($0.1)\r\n" }.joined() + "\r\n"
        let first = Self.first(Array(text.utf8))

        let owner = HTTP2Owner()
        let pseudo = [(":method", method), (":scheme", "https"), (":path", path), (":authority", host)]
        let ends = length == nil || length == "0"
        owner.receive(HTTP2Bytes.preface + HTTP2Bytes.head(pseudo + fields, ends: ends))
        let second = owner.heads[1].map { Meaning($0, owner.headBytes[1] ?? []) }
        #expect(first == second, "\(text)")
        #expect(owner.session.endReason == nil)
    }

    private static func first(_ text: [UInt8]) -> Meaning? {
        var parser = HTTP1Parser(limits: HTTP1Limits())
        guard case .head(let head, _) = text.withUnsafeBytes({ parser.next($0) }) else { return nil }
        return Meaning(head, text)
    }
}
