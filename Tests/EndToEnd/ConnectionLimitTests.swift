// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// The rows of the configuration's `http` table that a connection meets.
@Suite struct ConnectionLimitTests {
    private let get = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    private let closed = "tollgate_connections_closed_total"
    private let refused = "tollgate_connections_refused_total"

    @Test("handshake_seconds: a connection that says nothing, or half a handshake, is cut and counted")
    func handshakeSeconds() throws {
        try withGateway(GatewayProcess.Settings(fields: ["http.handshake_seconds": "2"])) { gateway in
            let silent = try RawTCP(port: gateway.tenantPort)
            let half = try RawTCP(port: gateway.tenantPort)
            // The head of a ClientHello whose rest never comes.
            half.send([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3])
            #expect(silent.awaitEnd() && half.awaitEnd())
            try gateway.awaitMetric(closed, "reason=\"handshake_timeout\"", atLeast: 2)
            try gateway.awaitMetric("tollgate_tls_handshake_failures_total", "listener=\"tenant\"", atLeast: 2)
            #expect(try gateway.tenants().send("GET", "/livez").status == 200)
        }
    }

    @Test("idle_seconds: a kept connection that asks nothing is ended properly, over either protocol")
    func idleSeconds() throws {
        let fields = ["http.idle_seconds": "2", "http.header_seconds": "3600"]
        try withGateway(GatewayProcess.Settings(fields: fields)) { gateway in
            let connection = try gateway.rawTLS()
            connection.send(get)
            #expect(try connection.answer().status == 200)
            let http2 = try gateway.http2()
            #expect(try http2.answer(http2.request("GET", "/livez")).status == 200)
            let rest = connection.readToEnd()
            #expect(rest.bytes.isEmpty && rest.end == .closed)
            http2.readToEnd()
            #expect(http2.goAways.last?.code == 0, "\(http2.goAways)")
            try gateway.awaitMetric(closed, "reason=\"local\"", atLeast: 2)
        }
    }

    @Test("A connection is kept between two requests for as long as idle_seconds says, over either protocol")
    func kept() throws {
        try withGateway { gateway in
            let connection = try gateway.rawTLS()
            connection.send(get)
            #expect(try connection.answer().status == 200)
            let http2 = try gateway.http2()
            #expect(try http2.answer(http2.request("GET", "/livez")).status == 200)
            #expect(!connection.isEnded(within: 4))
            connection.send(get)
            #expect(try connection.answer().status == 200)
            #expect(try http2.answer(http2.request("GET", "/livez")).status == 200)
            #expect(http2.goAways.isEmpty)
        }
    }

    @Test("write_seconds: a client that takes nothing of its answers is cut and counted")
    func writeSeconds() throws {
        try withGateway(GatewayProcess.Settings(fields: ["http.write_seconds": "2"])) { gateway in
            let tenant = try gateway.makeTenant()
            let body = Digit.body((0..<400).map { Digit.all[$0 % Digit.all.count] })
            let request =
                "POST /predict HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(tenant.key)\r\n"
                + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
            let connection = try RawTLS(port: gateway.tenantPort, receiveBuffer: 4096)
            let bystander = try gateway.rawTLS()
            // Reads nothing; when the gateway reads no more either, the next one does not pass.
            let sender = Workers(1) { [connection = Borrowed(connection)] _ in
                while connection.value.send(request) {}
            }
            try gateway.awaitMetric(closed, "reason=\"write_stalled\"")
            _ = try sender.join()
            bystander.send(get)
            #expect(try bystander.answer().status == 200)
            #expect(try gateway.residentMemory() < 1 << 30)
        }
    }

    /// For the one thread that a test hands a connection to.
    private struct Borrowed: @unchecked Sendable {
        // Used by that thread alone until it is joined.
        let value: RawTLS

        init(_ value: RawTLS) { self.value = value }
    }

    @Test(
        "max_connections and max_connections_per_source: one more is turned away and counted; when one ends, one fits",
        arguments: [
            ("http.max_connections", "connections_exceeded"),
            ("http.max_connections_per_source", "source_connections_exceeded"),
        ]
    )
    func connections(field: String, reason: String) throws {
        try withGateway(GatewayProcess.Settings(fields: [field: "8"])) { gateway in
            // The harness's own connections end first.
            try gateway.awaitConnections(0)
            var open = try (0..<8).map { _ in
                let connection = try gateway.rawTLS()
                connection.send(get)
                #expect(try connection.answer().status == 200)
                return connection
            }
            for _ in 0..<5 { #expect(throws: HarnessError.self) { _ = try gateway.rawTLS() } }
            try gateway.awaitMetric(refused, "reason=\"\(reason)\"", atLeast: 5)
            for connection in open {
                connection.send(get)
                #expect(try connection.answer().status == 200, "those inside are served on")
            }
            #expect(try gateway.metric(refused, "listener=\"management\"") == 0)
            open.removeLast()
            let next = try eventually("room for another") { try? gateway.rawTLS() }
            next.send(get)
            #expect(try next.answer().status == 200)
        }
    }

    @Test("max_connections_per_tenant: one tenant's next connection gets 429, another tenant's is served")
    func tenantConnections() throws {
        try withGateway(GatewayProcess.Settings(fields: ["http.max_connections_per_tenant": "3"])) { gateway in
            let tenant = try gateway.makeTenant()
            let other = try gateway.makeTenant()
            func ask(_ connection: RawTLS, _ tenant: TestTenant) throws -> Answer {
                connection.send(
                    "GET /v1/models/digits HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(tenant.key)\r\n\r\n"
                )
                return try connection.answer()
            }
            var open = try (0..<3).map { _ in
                let connection = try gateway.rawTLS()
                #expect(try ask(connection, tenant).status == 200)
                return connection
            }
            let more = try gateway.rawTLS()
            let answer = try ask(more, tenant)
            try expectRefusal(answer, 429, "tenant_connections_exceeded", of: gateway)
            #expect(answer.header("Retry-After") != nil)
            #expect(answer.header("Connection") == "close")
            #expect(try gateway.metric("tollgate_refusals_total", "reason=\"tenant_connections_exceeded\"") == 1)
            let http2 = try gateway.http2()
            try expectRefusal(
                try http2.answer(http2.request("GET", "/v1/models/digits", credential: tenant.key)),
                429,
                "tenant_connections_exceeded",
                of: gateway
            )
            #expect(try ask(try gateway.rawTLS(), other).status == 200)
            #expect(try ask(open[0], tenant).status == 200)
            open.removeLast()
            _ = try eventually("room for another") {
                try ask(try gateway.rawTLS(), tenant).status == 200 ? true : nil
            }
        }
    }

    @Test("max_handshakes: while as many are stalled as allowed, one more is turned away; afterwards all is well")
    func handshakes() throws {
        let fields = ["http.max_handshakes": "4", "http.handshake_seconds": "3600"]
        try withGateway(GatewayProcess.Settings(fields: fields)) { gateway in
            let before = try gateway.rawTLS()
            try gateway.awaitConnections(1)
            var stalled = try (0..<4).map { _ in try RawTCP(port: gateway.tenantPort) }
            try gateway.awaitConnections(5)
            #expect(throws: HarnessError.self) { _ = try gateway.rawTLS() }
            try gateway.awaitMetric(refused, "reason=\"handshakes_exceeded\"")
            before.send(get)
            #expect(try before.answer().status == 200)
            stalled = []
            let next = try eventually("room for a handshake") { try? gateway.rawTLS() }
            next.send(get)
            #expect(try next.answer().status == 200)
            _ = stalled
        }
    }

    /// The head of an upload, and the frame that answers it.
    private struct Uploads {
        typealias Frames = HTTP2Frames
        let connection: RawTLS
        let head: [UInt8]
        var received: [UInt8] = []

        init(_ gateway: GatewayProcess) throws {
            let tenant = try gateway.makeTenant()
            connection = try gateway.rawHTTP2()
            head = Frames.block(
                "POST",
                "/predict",
                [("authorization", "Bearer \(tenant.key)"), ("content-type", "application/json")]
            )
        }

        func begin(_ streams: Range<Int>) -> [UInt8] {
            streams.flatMap { number in
                Frames.frame(.headers, flags: Frames.endHeaders, stream: UInt32(2 * number + 1), head)
            }
        }

        mutating func next(_ kind: Frames.Kind, _ stream: UInt32) throws -> Frames.Frame {
            while true {
                let all = Frames.frames(received)
                if let found = all.first(where: { $0.kind == kind.rawValue && $0.stream == stream }) { return found }
                received += try #require(connection.next(), "the connection ended")
            }
        }
    }

    @Test("max_streams: the client is told how many; one more that crosses this on its way is refused without harm")
    func streams() throws {
        try withGateway(GatewayProcess.Settings(fields: ["http.max_streams": "4"])) { gateway in
            let told = try gateway.http2()
            #expect(try told.answer(told.request("GET", "/livez")).status == 200)
            #expect(told.settings[3] == 4, "SETTINGS_MAX_CONCURRENT_STREAMS of \(told.settings)")
            var uploads = try Uploads(gateway)
            uploads.connection.send(HTTP2Frames.preface + uploads.begin(0..<5))
            #expect(try uploads.next(.resetStream, 9).payload == HTTP2Frames.word(7), "REFUSED_STREAM")
            try gateway.awaitMetric(refused, "reason=\"stream_refused\"")
            for stream in [1, 3, 5, 7] as [UInt32] {
                let body = Array("{\"instances\":[]}".utf8)
                uploads.connection.send(
                    HTTP2Frames.frame(.data, flags: HTTP2Frames.endStream, stream: stream, body)
                )
                _ = try uploads.next(.headers, stream)
            }
        }
    }

    @Test("max_streams: a client that knows of it and goes over it loses its connection")
    func knownStreams() throws {
        try withGateway(GatewayProcess.Settings(fields: ["http.max_streams": "4"])) { gateway in
            var uploads = try Uploads(gateway)
            uploads.connection.send(HTTP2Frames.preface)
            _ = try uploads.next(.settings, 0)
            uploads.connection.send(HTTP2Frames.frame(.settings, flags: 1) + uploads.begin(0..<5))
            let rest = uploads.connection.readToEnd()
            #expect(HTTP2Frames.goAwayCode(rest.bytes) == 1, "PROTOCOL_ERROR")
            try gateway.awaitMetric("tollgate_http2_connections_ended_total", "reason=\"protocol_violation\"")
        }
    }
}
