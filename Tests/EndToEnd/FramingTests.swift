// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

/// Requests that two servers could understand differently: each is refused, and whatever stands behind it is not served.
@Suite(.gateway())
struct FramingTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Sent as it is; `KEY` stands for a key that may predict.
        let bytes: String
        var status = 400
        var code = "request_malformed"

        init(_ description: String, _ bytes: String, status: Int = 400, code: String = "request_malformed") {
            testDescription = description
            self.bytes = bytes
            self.status = status
            self.code = code
        }
    }

    private static let post = "POST /predict HTTP/1.1\r\nHost: localhost\r\n"
    private static let post10 = "POST /predict HTTP/1.0\r\nHost: localhost\r\n"
    private static let typed = "Authorization: Bearer KEY\r\nContent-Type: application/json\r\n"
    private static let get = "GET /v1/models/digits HTTP/1.1\r\nAuthorization: Bearer KEY\r\n"

    static let rows = [
        Row("a second Host", "\(get)Host: localhost\r\nHost: localhost\r\n\r\n"),
        Row("no Host", "\(get)\r\n"),
        Row(
            "Transfer-Encoding and Content-Length",
            "\(post)\(typed)Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        Row("Transfer-Encoding: gzip, chunked", "\(post)\(typed)Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        Row("Transfer-Encoding: ,chunked", "\(post)\(typed)Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n"),
        Row(
            "Transfer-Encoding: chunked, identity",
            "\(post)\(typed)Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"
        ),
        Row(
            "two Transfer-Encoding fields",
            "\(post)\(typed)Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        Row("Transfer-Encoding on HTTP/1.0", "\(post10)\(typed)Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        Row("Content-Length: 005", "\(post)\(typed)Content-Length: 005\r\n\r\n{\"a\":"),
        Row("Content-Length: +5", "\(post)\(typed)Content-Length: +5\r\n\r\n{\"a\":"),
        Row("Content-Length: -1", "\(post)\(typed)Content-Length: -1\r\n\r\n"),
        Row("Content-Length: 5, 5", "\(post)\(typed)Content-Length: 5, 5\r\n\r\n{\"a\":"),
        Row("two Content-Length fields", "\(post)\(typed)Content-Length: 5\r\nContent-Length: 6\r\n\r\n{\"a\":1"),
        Row("Content-Length beyond 64 bits", "\(post)\(typed)Content-Length: 99999999999999999999999\r\n\r\n"),
        Row("a space before the colon", "\(post)\(typed)Content-Length : 5\r\n\r\n{\"a\":"),
        Row("a folded field", "\(get)Host: localhost\r\nX-Folded: a\r\n b\r\n\r\n"),
        Row("a NUL in a field", "\(get)Host: localhost\r\nX-Nul: a\0b\r\n\r\n"),
        Row("a field without a colon", "\(get)Host: localhost\r\nnonsense\r\n\r\n"),
        Row("two Authorization fields", "\(get)Host: localhost\r\nAuthorization: Bearer KEY\r\n\r\n"),
        Row(
            "the absolute form with another host",
            "GET https://elsewhere/v1/models/digits HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer KEY\r\n\r\n"
        ),
        Row("a body on GET", "\(get)Host: localhost\r\nContent-Length: 5\r\n\r\nhello"),
        Row("a chunked body on GET", "\(get)Host: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        Row(
            "# in the target",
            "GET /v1/models/digits#a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer KEY\r\n\r\n"
        ),
        Row("a space in the target", "GET /v1/models/digits a HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        Row("bytes above 127 in the target", "GET /v1/models/zwölf HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        Row("HTTP/0.9", "GET /livez\r\n\r\n"),
        Row("HTTP/2.0 without asking", "GET /livez HTTP/2.0\r\nHost: localhost\r\n\r\n"),
        Row("HTTP/1.7", "GET /livez HTTP/1.7\r\nHost: localhost\r\n\r\n"),
        Row("garbage bytes", "\u{1}\u{2}\u{3}\u{7f}\u{0}garbage\r\n\r\n"),
        Row(
            "a chunk size that is no number",
            "\(post)\(typed)Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"
        ),
        Row(
            "a chunk size beyond 64 bits",
            "\(post)\(typed)Transfer-Encoding: chunked\r\n\r\n11111111111111111\r\nhello\r\n0\r\n\r\n"
        ),
        Row("a chunk longer than its size", "\(post)\(typed)Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n"),
        Row(
            "an unknown expectation",
            "\(post)\(typed)Expect: miracles\r\nContent-Length: 5\r\n\r\nhello",
            status: 417,
            code: "expectation_failed"
        ),
        Row(
            "a head that is too large",
            "\(get)Host: localhost\r\nX-Large: \(String(repeating: "a", count: 16_100))\r\nX-More: \(String(repeating: "b", count: 200))\r\n\r\n",
            status: 431,
            code: "headers_too_large"
        ),
        Row(
            "too many fields",
            "\(get)Host: localhost\r\n\((0..<80).map { "X-\($0): a\r\n" }.joined())\r\n",
            status: 431,
            code: "headers_too_large"
        ),
    ]

    @Test("Refused, closed, and nothing behind it is served", arguments: rows)
    func refused(row: Row) throws {
        let gateway = try SharedGateway.gateway
        let tenant = try gateway.makeTenant()
        let connection = try gateway.rawTLS()
        let smuggled =
            "GET /v1/models/digits-onnx HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(tenant.key)\r\n\r\n"
        connection.send(row.bytes.replacing("KEY", with: tenant.key) + smuggled + smuggled)
        let answer = try connection.answer()
        try expectRefusal(answer, row.status, row.code, of: gateway)
        #expect(answer.header("Connection") == "close")
        let rest = connection.readToEnd()
        #expect(rest.bytes.isEmpty, "served behind it: \(String(decoding: rest.bytes.prefix(400), as: UTF8.self))")
        #expect(rest.end != .timedOut)
        #expect(try gateway.records("tenant=\(tenant.id)&action=model.status&status=200").isEmpty)
    }

    @Test("The bytes that the rows send behind are served where nothing wrong stands before them")
    func control() throws {
        let gateway = try SharedGateway.gateway
        let tenant = try gateway.makeTenant()
        let connection = try gateway.rawTLS()
        let request =
            "GET /v1/models/digits-onnx HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(tenant.key)\r\n\r\n"
        connection.send(Self.get.replacing("KEY", with: tenant.key) + "Host: localhost\r\n\r\n" + request)
        #expect(try connection.answer().status == 200)
        #expect(try connection.answer().status == 200)
        #expect(try gateway.records("tenant=\(tenant.id)&action=model.status&status=200").count == 2)
    }

    @Test("Plain HTTP on the TLS port is told to use TLS, and the next client is served")
    func plainText() throws {
        let gateway = try SharedGateway.gateway
        let client = try gateway.tenants()
        let answer = try Client(base: "http://127.0.0.1:\(gateway.tenantPort)").send("GET", "/livez")
        #expect(answer.status == 400)
        #expect(answer.text.contains("https://"))
        #expect(try client.send("GET", "/livez").status == 200)
    }
}
