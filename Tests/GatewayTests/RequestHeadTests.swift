// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOHTTP1
import Testing

@testable import Gateway

@Suite struct RequestHeadTests {
    private func check(
        _ method: HTTPMethod = .GET,
        _ target: String = "/predict",
        version: HTTPVersion = .http1_1,
        _ fields: [(String, String)] = [("Host", "localhost")]
    ) -> Result<RequestHead, Refusal> {
        RequestHead.checked(
            HTTPRequestHead(version: version, method: method, uri: target, headers: HTTPHeaders(fields)),
            configuration: Configuration.HTTP()
        )
    }

    private func code(_ result: Result<RequestHead, Refusal>) -> ReasonCode? {
        if case .failure(let refusal) = result { refusal.code } else { nil }
    }

    @Test func `an ordinary request is taken apart`() throws {
        let head = try check(
            .POST,
            "/predict?a=1",
            [
                ("host", "localhost:8443"), ("AUTHORIZATION", "Bearer x"), ("Content-Type", "application/json"),
                ("content-length", "12"), ("Expect", "100-continue"),
            ]
        ).get()
        #expect(head.method == .post)
        #expect(head.path == "/predict")
        #expect(head.query == "a=1")
        #expect(head.authorization == "Bearer x")
        #expect(head.contentLength == 12)
        #expect(head.hasBody && head.keepsAlive && head.expectsContinue)
    }

    private static let ambiguous: [(name: String, fields: [(String, String)])] = [
        ("no Host", []),
        ("two Hosts", [("Host", "a"), ("Host", "a")]),
        ("two Authorizations", [("Host", "a"), ("Authorization", "x"), ("authorization", "y")]),
        ("a length with a leading zero", [("Host", "a"), ("Content-Length", "005")]),
        ("a length with a sign", [("Host", "a"), ("Content-Length", "+5")]),
        ("a length that is a list", [("Host", "a"), ("Content-Length", "5, 5")]),
        ("two lengths", [("Host", "a"), ("Content-Length", "5"), ("Content-Length", "5")]),
        ("an empty coding before chunked", [("Host", "a"), ("Transfer-Encoding", ",chunked")]),
        ("gzip and chunked", [("Host", "a"), ("Transfer-Encoding", "gzip, chunked")]),
        ("chunked twice", [("Host", "a"), ("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")]),
        ("length and chunked", [("Host", "a"), ("Content-Length", "5"), ("Transfer-Encoding", "chunked")]),
    ]

    @Test(arguments: ambiguous)
    func `what could be framed in two ways is refused`(_ row: (name: String, fields: [(String, String)])) {
        #expect(code(check(.POST, row.fields)) == .requestMalformed, "\(row.name)")
    }

    private func check(_ method: HTTPMethod, _ fields: [(String, String)]) -> Result<RequestHead, Refusal> {
        check(method, "/predict", version: .http1_1, fields)
    }

    private func check(_ method: HTTPMethod, _ target: String, _ fields: [(String, String)]) -> Result<
        RequestHead, Refusal
    > {
        check(method, target, version: .http1_1, fields)
    }

    @Test func `a transfer coding is refused with HTTP 1.0`() {
        let fields = [("Host", "a"), ("Transfer-Encoding", "chunked")]
        #expect(code(check(.POST, "/predict", version: .http1_0, fields)) == .requestMalformed)
    }

    @Test func `a GET takes no body, and an empty one is none`() {
        #expect(code(check(.GET, [("Host", "a"), ("Content-Length", "1")])) == .requestMalformed)
        #expect(code(check(.GET, [("Host", "a"), ("Transfer-Encoding", "chunked")])) == .requestMalformed)
        #expect(code(check(.GET, [("Host", "a"), ("Content-Length", "0")])) == nil)
    }

    @Test(arguments: ["/a#b", "predict", "*", "https://evil/predict", "ftp://a/", "/pre dict", ""])
    func `a target that is no path on this host is refused`(_ target: String) {
        #expect(code(check(.GET, target, [("Host", "a")])) == .requestMalformed)
    }

    @Test func `the absolute form with the same host is the path behind it`() throws {
        #expect(try check(.GET, "https://A:8443/predict?x", [("Host", "a:8443")]).get().path == "/predict")
        #expect(try check(.GET, "https://a", [("Host", "a")]).get().path == "/")
    }

    @Test func `only HTTP 1.1 and 1.0 are spoken`() {
        #expect(code(check(version: HTTPVersion(major: 0, minor: 9))) == .requestMalformed)
        #expect(code(check(version: HTTPVersion(major: 1, minor: 2))) == .requestMalformed)
        #expect(code(check(version: HTTPVersion(major: 2, minor: 0))) == .requestMalformed)
    }

    @Test func `a connection is kept as its version and its options say`() throws {
        #expect(try check().get().keepsAlive)
        #expect(try !check(version: .http1_0).get().keepsAlive)
        #expect(try !check(.GET, [("Host", "a"), ("Connection", "foo, Close")]).get().keepsAlive)
        #expect(try check(.GET, "/", version: .http1_0, [("Connection", "keep-alive")]).get().keepsAlive)
    }

    @Test func `a head over the limit is refused by its own code`() {
        let fields = [("Host", "a"), ("X", String(repeating: "x", count: 17_000))]
        #expect(code(check(.GET, fields)) == .headersTooLarge)
    }

    @Test func `an expectation that is not known is refused`() {
        #expect(code(check(.POST, [("Host", "a"), ("Expect", "tea")])) == .expectationFailed)
    }
}
