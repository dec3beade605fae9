// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

/// HTTP/1.1 over TLS, byte by byte.
@Suite(.gateway())
struct WireTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    /// The head of a prediction, but for the fields that frame its body.
    private func head(_ credential: String, _ fields: String..., version: String = "HTTP/1.1") -> String {
        (["POST /predict \(version)", "Host: localhost", "Authorization: Bearer \(credential)"]
            + ["Content-Type: application/json"] + fields).joined(separator: "\r\n") + "\r\n\r\n"
    }

    private func request(_ credential: String, _ digit: Int, _ fields: String..., version: String = "HTTP/1.1")
        -> String
    {
        let body = Digit.body(digit)
        let framing = (["Content-Length: \(body.utf8.count)"] + fields).joined(separator: "\r\n")
        return head(credential, framing, version: version) + body
    }

    @Test("A connection is kept and serves request after request")
    func keepAlive() throws {
        let tenant = try gateway.makeTenant()
        let connection = try gateway.rawTLS()
        var numbers: Set<Int64> = []
        for digit in 0..<5 {
            connection.send(request(tenant.key, digit))
            let answer = try connection.answer()
            #expect(answer.status == 200)
            #expect(answer.header("Connection") == nil)
            numbers.insert(try gateway.record(of: answer)["connection"]?.integer ?? -1)
        }
        #expect(numbers.count == 1, "the records name one connection: \(numbers)")
    }

    @Test("Pipelined requests are answered in their order, refusals among them")
    func pipelining() throws {
        let tenant = try gateway.makeTenant()
        let expected = try (0..<8).map { digit in
            decision(try gateway.predict(tenant.key, digit).predictions.first ?? [])
        }
        let connection = try gateway.rawTLS()
        var text = ""
        for digit in 0..<8 {
            text += request(tenant.key, digit)
            text += "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n"
        }
        connection.send(text)
        var indices: [Int64] = []
        for digit in 0..<8 {
            let answer = try connection.answer()
            #expect(answer.status == 200)
            #expect(decision(try answer.predictions.first ?? []) == expected[digit], "answer \(digit)")
            let refusal = try connection.answer()
            #expect(refusal.status == 404)
            indices += [answer, refusal].compactMap(\.auditIndex)
        }
        #expect(indices.count == 16 && indices == indices.sorted())
    }

    @Test("Requests that come a byte at a time are read as if whole")
    func trickle() throws {
        let connection = try gateway.rawTLS()
        for byte in "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8 { connection.send([byte]) }
        #expect(try connection.answer().status == 200)
    }

    @Test("HEAD answers the head of GET and no body")
    func headMethod() throws {
        let tenant = try gateway.makeTenant()
        let connection = try gateway.rawTLS()
        let rest = "/v1/models/digits HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(tenant.key)\r\n\r\n"
        connection.send("HEAD \(rest)GET \(rest)")
        let head = try connection.answer(toHead: true)
        // Were there a body, it would stand in the way of this.
        let whole = try connection.answer()
        #expect(head.status == 200 && whole.status == 200)
        #expect(head.header("Content-Length") == String(whole.body.count))
        #expect(head.headers.map(\.name) == whole.headers.map(\.name))
        #expect(try gateway.record(of: head)["method"]?.string == "HEAD")
    }

    @Test("A client that asks first is told to continue, and only when its head is in order")
    func expectContinue() throws {
        let tenant = try gateway.makeTenant()
        let connection = try gateway.rawTLS()
        let body = Digit.body()
        let fields = "Expect: 100-continue\r\nContent-Length: \(body.utf8.count)"
        connection.send(head(tenant.key, fields))
        let interim = try connection.answer()
        #expect(interim.status == 100)
        #expect(interim.headers.isEmpty)
        connection.send(body)
        #expect(try connection.answer().status == 200)

        connection.send(head("garbage", fields))
        #expect(try connection.answer().status == 401)
    }

    @Test("A chunked body is put together, wherever it is cut")
    func chunked() throws {
        let tenant = try gateway.makeTenant()
        let connection = try gateway.rawTLS()
        let body = Array(Digit.body(2).utf8)
        connection.send(head(tenant.key, "Transfer-Encoding: chunked"))
        for start in stride(from: 0, to: body.count, by: 1000) {
            let chunk = body[start..<min(start + 1000, body.count)]
            connection.send(Array("\(String(chunk.count, radix: 16));name=value\r\n".utf8) + chunk + [13, 10])
        }
        connection.send("0\r\n\r\n")
        let answer = try connection.answer()
        #expect(answer.status == 200)
        #expect(try answer.predictions == gateway.predict(tenant.key, 2).predictions)
        #expect(try gateway.record(of: answer)["request_bytes"]?.integer == Int64(body.count))

        connection.send(request(tenant.key, 0))
        #expect(try connection.answer().status == 200, "the connection stays in step")
    }

    @Test("Connection: close is honoured, with TLS's close_notify")
    func connectionClose() throws {
        let tenant = try gateway.makeTenant()
        let connection = try gateway.rawTLS()
        connection.send(request(tenant.key, 0, "Connection: close"))
        let answer = try connection.answer()
        #expect(answer.status == 200)
        #expect(answer.header("Connection") == "close")
        let rest = connection.readToEnd()
        #expect(rest.bytes.isEmpty)
        #expect(rest.end == .closed)
    }

    @Test("HTTP/1.0 is answered once and closed")
    func http10() throws {
        let tenant = try gateway.makeTenant()
        let connection = try gateway.rawTLS()
        connection.send(request(tenant.key, 0, version: "HTTP/1.0"))
        let answer = try connection.answer()
        #expect(answer.status == 200)
        #expect(try gateway.record(of: answer)["protocol"]?.string == "HTTP/1.0")
        #expect(connection.readToEnd().end == .closed)
    }

    @Test("TLS 1.2 and 1.3 are spoken, and the record says which", arguments: [RawTLS.Version.tls1_2, .tls1_3])
    func versions(version: RawTLS.Version) throws {
        let tenant = try gateway.makeTenant()
        let connection = try gateway.rawTLS(version)
        connection.send(request(tenant.key, 0))
        let answer = try connection.answer()
        #expect(answer.status == 200)
        let expected = version == .tls1_2 ? "TLSv1.2" : "TLSv1.3"
        #expect(connection.version == expected)
        #expect(try gateway.record(of: answer)["tls"]?["version"]?.string == expected)
    }

    @Test("A client that leaves in mid-request harms nobody, and its request is on record")
    func leaving() throws {
        let tenant = try gateway.makeTenant()
        var connection: RawTLS? = try gateway.rawTLS()
        connection?.send(head(tenant.key, "Expect: 100-continue", "Content-Length: 1000"))
        #expect(try connection?.answer().status == 100)
        connection = nil
        let found = try eventually("the record of a client that left") {
            try gateway.records("tenant=\(tenant.id)&reason=client_closed").first
        }
        #expect(found["record"]?["status"]?.integer == 499)
        #expect(found["record"]?["charge"] == nil)
        #expect(try gateway.predict(tenant.key).status == 200)
    }
}
