// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// The rows of the configuration's `http` table that a request meets: each is answered with its status and reason, is on
/// record, and is counted.
@Suite struct RequestLimitTests {
    private func head(_ credential: String, _ fields: String...) -> String {
        (["POST /predict HTTP/1.1", "Host: localhost", "Authorization: Bearer \(credential)"]
            + ["Content-Type: application/json"] + fields).joined(separator: "\r\n") + "\r\n\r\n"
    }

    private let get = "GET /livez HTTP/1.1\r\nHost: localhost\r\n"

    /// Checks an answer, its record, its counter, and that the connection is at its end.
    private func expectLast(
        _ connection: RawTLS,
        _ status: Int,
        _ code: String,
        of gateway: GatewayProcess,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let answer = try connection.answer()
        try expectRefusal(answer, status, code, of: gateway, sourceLocation: sourceLocation)
        #expect(answer.header("Connection") == "close", sourceLocation: sourceLocation)
        let rest = connection.readToEnd()
        #expect(rest.bytes.isEmpty && rest.end == .closed, "\(rest.end)", sourceLocation: sourceLocation)
        #expect(
            try gateway.metric("tollgate_refusals_total", "listener=\"tenant\"", "reason=\"\(code)\"") >= 1,
            sourceLocation: sourceLocation
        )
    }

    @Test("max_header_bytes and max_header_count: what is within passes, what is over gets 431")
    func headers() throws {
        let fields = ["http.max_header_bytes": "2048", "http.max_header_count": "10"]
        try withGateway(GatewayProcess.Settings(fields: fields)) { gateway in
            let rest = 2048 - get.utf8.count - "X: \r\n\r\n".utf8.count
            let connection = try gateway.rawTLS()
            connection.send("\(get)X: \(String(repeating: "a", count: rest))\r\n\r\n")
            #expect(try connection.answer().status == 200)
            connection.send("\(get)\((0..<9).map { "X-\($0): a\r\n" }.joined())\r\n")
            #expect(try connection.answer().status == 200)
            connection.send("\(get)X: \(String(repeating: "a", count: rest + 1))\r\n\r\n")
            try expectLast(connection, 431, "headers_too_large", of: gateway)
            let other = try gateway.rawTLS()
            other.send("\(get)\((0..<10).map { "X-\($0): a\r\n" }.joined())\r\n")
            try expectLast(other, 431, "headers_too_large", of: gateway)
        }
    }

    @Test("max_body_bytes: announced or in chunks, what is over gets 413")
    func body() throws {
        try withGateway(GatewayProcess.Settings(fields: ["http.max_body_bytes": "10000"])) { gateway in
            let tenant = try gateway.makeTenant()
            let connection = try gateway.rawTLS()
            let body = Digit.body()
            #expect(body.utf8.count < 10_000)
            connection.send(head(tenant.key, "Content-Length: \(body.utf8.count)") + body)
            #expect(try connection.answer().status == 200)
            connection.send(head(tenant.key, "Expect: 100-continue", "Content-Length: 10001"))
            try expectLast(connection, 413, "body_too_large", of: gateway)

            let chunked = try gateway.rawTLS()
            let chunk = "1000\r\n\(String(repeating: " ", count: 4096))\r\n"
            chunked.send(head(tenant.key, "Transfer-Encoding: chunked") + chunk + chunk + chunk)
            try expectLast(chunked, 413, "body_too_large", of: gateway)

            let http2 = try gateway.http2()
            let large = String(repeating: " ", count: 10_001)
            let refusal = try http2.answer(http2.request("POST", "/predict", credential: tenant.key, body: large))
            try expectRefusal(refusal, 413, "body_too_large", of: gateway)
            #expect(try http2.answer(http2.request("GET", "/livez")).status == 200)
        }
    }

    @Test("header_seconds: a head that does not end gets 408, however it trickles, also behind a first request")
    func headerSeconds() throws {
        try withGateway(GatewayProcess.Settings(fields: ["http.header_seconds": "2"])) { gateway in
            let connection = try gateway.rawTLS()
            connection.send("\(get)\r\n")
            #expect(try connection.answer().status == 200)
            connection.send("GET /livez HTTP/1.1\r\nHos")
            try expectLast(connection, 408, "header_timeout", of: gateway)

            let trickling = try gateway.rawTLS()
            let bytes = Array("\(get)X: \(String(repeating: "a", count: 200))".utf8)
            var sent = 0
            while sent < bytes.count, trickling.send([bytes[sent]]), !trickling.hasMore(within: 0.25) { sent += 1 }
            #expect(sent < 24, "\(sent) bytes were taken, one each quarter of a second")
            try expectLast(trickling, 408, "header_timeout", of: gateway)

            // Who says nothing asked for nothing.
            let silent = try gateway.rawTLS()
            let rest = silent.readToEnd()
            #expect(rest.bytes.isEmpty && rest.end == .closed)
        }
    }

    @Test("body_seconds: a body that does not end in time gets 408, over either protocol")
    func bodySeconds() throws {
        try withGateway(GatewayProcess.Settings(fields: ["http.body_seconds": "2"])) { gateway in
            let tenant = try gateway.makeTenant()
            let connection = try gateway.rawTLS()
            connection.send(head(tenant.key, "Content-Length: 1000") + "{\"instances\":")
            let http2 = try gateway.rawHTTP2()
            let fields = [("authorization", "Bearer \(tenant.key)"), ("content-type", "application/json")]
            typealias Frames = HTTP2Frames
            http2.send(
                Frames.preface
                    + Frames.frame(
                        .headers,
                        flags: Frames.endHeaders,
                        stream: 1,
                        Frames.block("POST", "/predict", fields)
                    )
                    + Frames.frame(.data, stream: 1, Array("{".utf8))
            )
            try expectLast(connection, 408, "request_timeout", of: gateway)
            _ = try eventually("the record of both") {
                try gateway.records("tenant=\(tenant.id)&reason=request_timeout").count == 2 ? true : nil
            }
            #expect(try gateway.records("tenant=\(tenant.id)").allSatisfy { $0["record"]?["charge"] == nil })
            // The stream ends, its connection goes on.
            http2.send(Frames.get("/livez", stream: 3))
            var received: [UInt8] = []
            while !Frames.frames(received).contains(where: { $0.stream == 3 && $0.flags & Frames.endStream != 0 }) {
                received += try #require(http2.next(), "the connection ended")
            }
            #expect(Frames.frames(received).contains { $0.stream == 1 && $0.kind == Frames.Kind.headers.rawValue })
        }
    }

    @Test("min_body_bytes_per_second: a body that comes too slowly gets 408")
    func bodyRate() throws {
        try withGateway(GatewayProcess.Settings(fields: ["http.min_body_bytes_per_second": "1000000"])) { gateway in
            let tenant = try gateway.makeTenant()
            let connection = try gateway.rawTLS()
            connection.send(head(tenant.key, "Content-Length: 1000") + "{\"instances\":")
            while !connection.hasMore(within: 0.25) { connection.send(" ") }
            try expectLast(connection, 408, "body_too_slow", of: gateway)
            #expect(try gateway.predict(tenant.key).status == 200)
        }
    }

    @Test("request_seconds: an answer that takes too long is 504, and what comes of it later harms nobody")
    func requestSeconds() throws {
        try withGateway(GatewayProcess.Settings(fields: ["http.request_seconds": "1"])) { gateway in
            let auditor = gateway.auditorKey
            // A change has to wait for the database, which another program has locked.
            let lock = try ChildProcess(
                "python3",
                [
                    "-c",
                    """
                    import sqlite3, sys, threading
                    connection = sqlite3.connect(sys.argv[1], isolation_level=None)
                    connection.execute("BEGIN IMMEDIATE")
                    open(sys.argv[2], "w").close()
                    threading.Event().wait()
                    """,
                    "\(gateway.state)/tollgate.sqlite", "\(gateway.directory)/locked",
                ],
                directory: gateway.directory
            )
            _ = try eventually("the database's lock; \(lock.errors)") {
                FileManager.default.fileExists(atPath: "\(gateway.directory)/locked") ? true : nil
            }
            let answer = try gateway.management().send(
                "POST",
                "/admin/v1/tenants",
                credential: gateway.adminKey,
                body: "{\"id\":\"late\",\"plan\":\"unlimited\"}"
            )
            lock.kill()
            try expectRefusal(answer, 504, "processing_timeout", of: gateway)
            #expect(answer.header("Retry-After") != nil)
            #expect(
                try gateway.metric(
                    "tollgate_refusals_total",
                    "listener=\"management\"",
                    "reason=\"processing_timeout\""
                )
                    == 1
            )
            #expect(try gateway.management().send("GET", "/admin/v1/audit/records", credential: auditor).status == 200)
            try gateway.admin("POST", "/tenants", ["id": "later", "plan": "unlimited"])
        }
    }

    @Test("max_requests_per_connection: the last answer says that it is the last, over either protocol")
    func requestsPerConnection() throws {
        try withGateway(GatewayProcess.Settings(fields: ["http.max_requests_per_connection": "3"])) { gateway in
            let connection = try gateway.rawTLS()
            for number in 1...3 {
                connection.send("\(get)\r\n")
                let answer = try connection.answer()
                #expect(answer.status == 200)
                #expect(answer.header("Connection") == (number == 3 ? "close" : nil))
            }
            #expect(connection.readToEnd().end == .closed)

            let http2 = try gateway.http2()
            for _ in 1...3 { #expect(try http2.answer(http2.request("GET", "/livez")).status == 200) }
            http2.readToEnd()
            #expect(http2.goAways.last?.code == 0)
            #expect(http2.goAways.last?.last == 5, "\(http2.goAways)")
        }
    }

    @Test("max_pipelined: who sends too many requests ahead gets 429, who waits for answers never does")
    func pipelined() throws {
        try withGateway(GatewayProcess.Settings(fields: ["http.max_pipelined": "8"])) { gateway in
            let steady = try gateway.rawTLS()
            for _ in 0..<4 { steady.send("\(get)\r\n") }
            for _ in 0..<100 {
                let answer = try steady.answer()
                #expect(answer.status == 200, "four are ahead, eight are allowed")
                guard answer.status == 200 else { return }
                steady.send("\(get)\r\n")
            }
            let deep = try gateway.rawTLS()
            deep.send(String(repeating: "\(get)\r\n", count: 20))
            for _ in 0..<9 { #expect(try deep.answer().status == 200) }
            try expectLast(deep, 429, "pipeline_too_deep", of: gateway)
        }
    }
}
