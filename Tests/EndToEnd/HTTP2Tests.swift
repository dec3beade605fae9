// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

/// HTTP/2 over TLS: what HTTP/1.1 answers is answered here, and many requests at once on one connection.
@Suite(.gateway(["http.max_body_bytes": "2000000", "http.max_streams": "100"]))
struct HTTP2Tests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    /// A request that both protocols carry.
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var method = "GET"
        var path = "/predict"
        var hasKey = true
        var headers: [(name: String, value: String)] = []
        var body: String?
        let status: Int
    }

    static let rows = [
        Row(testDescription: "a prediction", method: "POST", body: Digit.body(3), status: 200),
        Row(testDescription: "a model's status", path: "/v1/models/digits", status: 200),
        Row(testDescription: "/livez", path: "/livez", hasKey: false, status: 200),
        Row(testDescription: "no credential", method: "POST", hasKey: false, body: Digit.body(), status: 401),
        Row(testDescription: "no such path", path: "/nowhere", status: 404),
        Row(testDescription: "no such model", path: "/v1/models/nothing", status: 404),
        Row(testDescription: "another method", method: "DELETE", status: 405),
        Row(
            testDescription: "too large a body",
            method: "POST",
            body: String(repeating: " ", count: 2_100_000),
            status: 413
        ),
        Row(
            testDescription: "another media type",
            method: "POST",
            headers: [("content-type", "text/plain")],
            body: "x",
            status: 415
        ),
        Row(testDescription: "no JSON", method: "POST", body: "nonsense", status: 400),
        Row(
            testDescription: "too many fields",
            path: "/livez",
            headers: (0..<80).map { ("x-\($0)", "a") },
            status: 431
        ),
        Row(
            testDescription: "too large a head",
            path: "/livez",
            headers: [("x-large", String(repeating: "a", count: 17_000))],
            status: 431
        ),
    ]

    @Test("The answer is the one of HTTP/1.1: status, fields and body", arguments: rows)
    func sameAnswer(row: Row) throws {
        let tenant = try gateway.makeTenant()
        let http2 = try gateway.http2()
        let other = try gateway.rawTLS()
        let key = row.hasKey ? tenant.key : nil
        let answer = try http2.answer(
            http2.request(row.method, row.path, credential: key, headers: row.headers, body: row.body)
        )
        var head = "\(row.method) \(row.path) HTTP/1.1\r\nHost: localhost\r\n"
        if let key { head += "Authorization: Bearer \(key)\r\n" }
        if row.body != nil, row.headers.isEmpty { head += "Content-Type: application/json\r\n" }
        for header in row.headers { head += "\(header.name): \(header.value)\r\n" }
        if let body = row.body { head += "Content-Length: \(body.utf8.count)\r\n" }
        other.send("\(head)\r\n\(row.body ?? "")")
        let expected = try other.answer()

        #expect(answer.status == row.status && expected.status == row.status, "\(answer.text)")
        let own: Set = ["connection", "x-request-id", "audit-index", "audit-leaf", "content-length", "date"]
        func names(_ answer: Answer) -> [String] {
            answer.headers.map { $0.name.lowercased() }.filter { !own.contains($0) }.sorted()
        }
        #expect(names(answer) == names(expected))
        #expect(answer.headers.allSatisfy { $0.name == $0.name.lowercased() }, "RFC 9113, section 8.2")
        #expect(answer.header("connection") == nil)
        if row.status == 200 {
            #expect(answer.body == expected.body)
        } else {
            let documents = try (answer.json, expected.json)
            for member in ["code", "status", "title", "type", "error"] {
                #expect(documents.0[member] == documents.1[member], "\(member)")
            }
            try expectRefusal(answer, row.status, documents.1["code"]?.string ?? "", of: gateway)
        }
        #expect(try gateway.record(of: answer)["protocol"]?.string == "HTTP/2")
        #expect(try gateway.record(of: expected)["protocol"]?.string == "HTTP/1.1")
    }

    @Test("A limit is told of as over HTTP/1.1")
    func limited() throws {
        let tenant = try gateway.makeTenant(rate: 1)
        let http2 = try gateway.http2()
        let streams = (0..<2).map { http2.request("POST", "/predict", credential: tenant.key, body: Digit.body($0)) }
        #expect(try http2.answer(streams[0]).status == 200)
        let refusal = try http2.answer(streams[1])
        try expectRefusal(refusal, 429, "rate_exceeded", of: gateway)
        #expect(refusal.header("retry-after").flatMap { Int($0) } ?? 0 >= 1)
        #expect(refusal.header("x-ratelimit-remaining") == "0")
    }

    @Test("HEAD answers the head of GET and no body")
    func headMethod() throws {
        let tenant = try gateway.makeTenant()
        let http2 = try gateway.http2()
        let head = try http2.answer(http2.request("HEAD", "/v1/models/digits", credential: tenant.key))
        let whole = try http2.answer(http2.request("GET", "/v1/models/digits", credential: tenant.key))
        #expect(head.status == 200 && whole.status == 200)
        #expect(head.body.isEmpty && !whole.body.isEmpty)
        #expect(head.header("content-length") == String(whole.body.count))
        #expect(head.headers.map(\.name) == whole.headers.map(\.name))
    }

    @Test("A hundred streams at once are each answered with their own, and each has its own record")
    func interleaved() throws {
        let tenant = try gateway.makeTenant()
        let expected = try (0..<10).map { decision(try gateway.predict(tenant.key, $0).predictions.first ?? []) }
        let http2 = try gateway.http2()
        let streams = (0..<100).map { number in
            number % 5 == 4
                ? http2.request("GET", "/nowhere")
                : http2.request("POST", "/predict", credential: tenant.key, body: Digit.body(number % 10))
        }
        let answers = try streams.map { try http2.answer($0) }
        for (number, answer) in answers.enumerated() {
            #expect(answer.status == (number % 5 == 4 ? 404 : 200), "stream \(streams[number])")
            if answer.status == 200 {
                #expect(decision(try answer.predictions.first ?? []) == expected[number % 10], "stream \(number)")
            }
        }
        #expect(Set(answers.compactMap(\.requestID)).count == 100)
        let all = try gateway.allRecords()
        var connections: Set<Int64> = []
        for answer in answers {
            let record = try #require(all[answer.auditIndex ?? -1])
            #expect(record["request_id"]?.string == answer.requestID)
            #expect(record["protocol"]?.string == "HTTP/2")
            connections.insert(record["connection"]?.integer ?? -1)
        }
        #expect(connections.count == 1)
        #expect(
            all.values.count { $0["listener"] == "tenant" && $0["connection"]?.integer == connections.first } == 100
        )
    }

    @Test("A slow upload holds up none of the streams beside it")
    func overtaking() throws {
        let tenant = try gateway.makeTenant()
        let http2 = try gateway.rawHTTP2()
        let fields = [("authorization", "Bearer \(tenant.key)"), ("content-type", "application/json")]
        typealias Frames = HTTP2Frames
        http2.send(
            Frames.preface
                + Frames.frame(.headers, flags: Frames.endHeaders, stream: 1, Frames.block("POST", "/predict", fields))
                + Frames.frame(.data, stream: 1, Array("{\"inst".utf8)) + Frames.get("/livez", stream: 3)
        )
        var received: [UInt8] = []
        func ended(_ stream: UInt32) throws {
            while !Frames.frames(received).contains(where: { $0.stream == stream && $0.flags & Frames.endStream != 0 })
            {
                received += try #require(http2.next(), "the connection ended")
            }
        }
        try ended(3)
        #expect(!Frames.frames(received).contains { $0.stream == 1 && $0.kind == Frames.Kind.headers.rawValue })
        http2.send(Frames.frame(.data, flags: Frames.endStream, stream: 1, Array("ances\":[]}".utf8)))
        try ended(1)
    }

    @Test("Large bodies pass both ways, also where the client's windows are small", arguments: [nil, 1000 as UInt32?])
    func large(window: UInt32?) throws {
        let tenant = try gateway.makeTenant()
        let digits = (0..<200).map { Digit.all[$0 % Digit.all.count] }
        let body = Digit.body(digits)
        #expect(body.utf8.count > 600_000)
        let http2 = try gateway.http2(window: window)
        let streams = (0..<4).map { _ in
            http2.request("POST", "/predict", credential: tenant.key, body: body)
        }
        for stream in streams {
            let answer = try http2.answer(stream)
            #expect(answer.status == 200)
            #expect(try answer.predictions.count == 200)
            #expect(try gateway.record(of: answer)["request_bytes"]?.integer == Int64(body.utf8.count))
        }
    }

    @Test("A client that asks first is told to continue")
    func expectContinue() throws {
        let tenant = try gateway.makeTenant()
        let http2 = try gateway.http2()
        let stream = http2.request(
            "POST",
            "/predict",
            credential: tenant.key,
            headers: [("expect", "100-continue"), ("content-type", "application/json")],
            body: Digit.body()
        )
        #expect(try http2.answer(stream).status == 200)
    }

    @Test("A request that is taken back is on record, and the connection goes on")
    func cancelled() throws {
        let tenant = try gateway.makeTenant()
        let http2 = try gateway.rawHTTP2()
        let fields = [("authorization", "Bearer \(tenant.key)"), ("content-type", "application/json")]
        typealias Frames = HTTP2Frames
        http2.send(
            Frames.preface
                + Frames.frame(.headers, flags: Frames.endHeaders, stream: 1, Frames.block("POST", "/predict", fields))
                + Frames.frame(.data, stream: 1, Array("{".utf8))
                + Frames.frame(.resetStream, stream: 1, Frames.word(8)) + Frames.get("/livez", stream: 3)
        )
        let found = try eventually("the record of a request that was taken back") {
            try gateway.records("tenant=\(tenant.id)&reason=client_closed").first
        }
        #expect(found["record"]?["status"]?.integer == 499)
        #expect(found["record"]?["charge"] == nil)
        var received: [UInt8] = []
        while !Frames.frames(received).contains(where: { $0.stream == 3 && $0.flags & Frames.endStream != 0 }) {
            received += try #require(http2.next(), "the connection ended")
        }
    }

    @Test("A client that offers no HTTP/2 is served over HTTP/1.1")
    func negotiation() throws {
        let connection = try RawTLS(port: gateway.tenantPort, protocols: ["http/1.1"])
        #expect(connection.applicationProtocol == "http/1.1")
        connection.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try connection.answer().status == 200)
        #expect(try gateway.rawTLS().applicationProtocol == "")
    }
}
