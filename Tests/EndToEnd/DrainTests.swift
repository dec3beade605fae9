// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// The end of a gateway under load, and a gateway without descriptors.
@Suite struct DrainTests {
    /// What a client saw of a drain.
    private struct Seen: Sendable {
        var answers = 0
        /// Requests that were sent and got no answer, though the gateway had not said that the connection ends.
        var dropped: [String] = []
    }

    /// Asks over and over until the gateway has gone. Of a kept connection that ends between two requests a client
    /// learns by its next request (RFC 9112, section 9.3.1): that one was not dropped if not one byte came back.
    private static func askHTTP1(_ gateway: GatewayProcess, _ tenant: TestTenant, _ started: Tally) -> Seen {
        var seen = Seen()
        let body = Digit.body()
        let request =
            "POST /predict HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(tenant.key)\r\n"
            + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        while let connection = try? gateway.rawTLS() {
            var isNew = true
            while true {
                connection.send(request)
                do {
                    let answer = try connection.answer()
                    if answer.status != 200 { seen.dropped.append("\(answer.status) \(answer.text)") }
                    seen.answers += 1
                    started.add()
                    if answer.header("Connection") == "close" { break }
                    isNew = false
                } catch {
                    let text = "\(error)"
                    // Closed properly before any byte of an answer: the request is the client's to send again.
                    if !text.contains("(closed) within a head: ") || !text.hasSuffix(": ") || isNew {
                        // A connection accepted while the gateway closes may end before its first request.
                        if !isNew || !text.contains("(closed) within a head") { seen.dropped.append(text) }
                    }
                    break
                }
            }
        }
        return seen
    }

    /// Keeps eight requests under way on one HTTP/2 connection until it is told to go. Those above the last stream that
    /// the gateway names are the client's to send again (RFC 9113, section 6.8).
    private static func askHTTP2(_ gateway: GatewayProcess, _ tenant: TestTenant, _ started: Tally) throws -> Seen {
        var seen = Seen()
        let peer = try gateway.http2()
        var open: [Int32] = []
        while peer.goAways.isEmpty {
            while open.count < 8 {
                open.append(peer.request("POST", "/predict", credential: tenant.key, body: Digit.body()))
            }
            try peer.pump { !peer.goAways.isEmpty || open.contains { peer.isClosed($0) } }
            for stream in open where peer.isClosed(stream) {
                let answer = try peer.answer(stream)
                if answer.status != 200 { seen.dropped.append("\(answer.status) \(answer.text)") }
                seen.answers += 1
                started.add()
            }
            open.removeAll { peer.isClosed($0) }
        }
        peer.readToEnd()
        for (last, code) in peer.goAways where code != 0 { seen.dropped.append("GOAWAY \(code) at \(last)") }
        for stream in open where stream <= peer.goAways.last?.last ?? 0 {
            if let answer = try? peer.answer(stream), answer.status == 200 {
                seen.answers += 1
            } else {
                seen.dropped.append("stream \(stream) of \(peer.goAways)")
            }
        }
        return seen
    }

    @Test("Drain after drain under load: no request is dropped, whichever protocol carries it")
    func drains() throws {
        try withGateway { gateway in
            let tenant = try gateway.makeTenant()
            for round in 0..<TestRun.rounds("DRAINS", 10) {
                let started = Tally()
                let clients = Workers(8) { number in
                    number % 2 == 0
                        ? Self.askHTTP1(gateway, tenant, started) : try Self.askHTTP2(gateway, tenant, started)
                }
                let idle = try gateway.rawTLS()
                _ = try eventually("load") { started.count >= 100 ? true : nil }
                #expect(try gateway.terminate() == .exited(0), "round \(round)")
                let seen = try clients.join()
                #expect(seen.flatMap(\.dropped).isEmpty, "round \(round): \(seen.flatMap(\.dropped))")
                #expect(seen.allSatisfy { $0.answers > 0 })
                #expect(idle.readToEnd().end == .closed)
                try gateway.restart(.kill)
            }
            let answered = try gateway.allRecords().values.count {
                $0["tenant"]?.string == tenant.id && $0["status"] == 200
            }
            #expect(answered >= 100 * TestRun.rounds("DRAINS", 10))
        }
    }

    @Test("Out of descriptors: who comes is turned away, the log is written on, and all is well when some are back")
    func descriptors() throws {
        var settings = GatewayProcess.Settings(fields: ["event_loops": "1"])
        // 256 are kept for everything that is no connection.
        settings.descriptors = 300
        try withGateway(settings) { gateway in
            let tenant = try gateway.makeTenant()
            let inside = try gateway.rawTLS()
            func ask(_ connection: RawTLS) throws -> Answer {
                connection.send(
                    "GET /v1/models/digits HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(tenant.key)\r\n\r\n"
                )
                return try connection.answer()
            }
            #expect(try ask(inside).status == 200)
            var open: [RawTLS] = []
            while let connection = try? gateway.rawTLS(), open.count < 400 { open.append(connection) }
            #expect((20..<60).contains(open.count), "\(open.count) of 44 fit")
            for _ in 0..<20 { #expect(throws: HarnessError.self) { _ = try gateway.rawTLS() } }
            #expect(try gateway.metric("tollgate_connections_refused_total", "listener=\"tenant\"") >= 20)
            for _ in 0..<20 {
                let answer = try ask(inside)
                #expect(answer.status == 200)
                #expect(try gateway.record(of: answer)["status"] == 200, "the log is written on")
            }
            try gateway.revoke(tenant.keyID)
            #expect(try ask(inside).status == 401, "the database is written on")
            open = []
            _ = try eventually("connections to be taken again") { try? gateway.rawTLS() }
        }
    }
}
