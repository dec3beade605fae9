// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// Connections that do what no honest client does: each is answered for itself, and nobody else notices.
@Suite(.gateway())
struct HostileConnectionTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    private func head(_ credential: String, _ fields: String...) -> String {
        (["POST /predict HTTP/1.1", "Host: localhost", "Authorization: Bearer \(credential)"]
            + ["Content-Type: application/json"] + fields).joined(separator: "\r\n") + "\r\n\r\n"
    }

    @Test("A request is answered as it deserves, whatever garbage comes behind it in the same record")
    func garbageBehindARequest() throws {
        let tenant = try gateway.makeTenant()
        for garbage in ["\0GARBAGE\r\n\r\n", "GET\r\n\r\n", "POST / HTTP/1.1\r\nTransfer-Encoding: x, chunked\r\n\r\n"]
        {
            let body = Digit.body()
            let connection = try gateway.rawTLS()
            connection.send(head(tenant.key, "Content-Length: \(body.utf8.count)") + body + garbage)
            #expect(try connection.answer().status == 200)
            #expect(connection.readToEnd().end != .timedOut)
        }
        #expect(try gateway.predict(tenant.key).status == 200, "the gateway is still there")
    }

    @Test("A slow request that is refused at last gives back no rate but its own")
    func slowRefusalsDoNotRefill() throws {
        // One request in an hour, five at once: nothing refills while this runs.
        let plan = "slow-\(TestRun.next())"
        _ = try gateway.admin(
            "PUT",
            "/plans/\(plan)",
            ["rate": ["requests": 1, "seconds": 3600, "burst": 5]]
        )
        let tenant = try gateway.makeTenant(plan: plan)
        let slow = try (0..<2).map { _ in
            let connection = try gateway.rawTLS()
            connection.send(head(tenant.key, "Expect: 100-continue", "Content-Length: 4"))
            #expect(try connection.answer().status == 100)
            return connection
        }
        var statuses = try (0..<5).map { _ in try gateway.predict(tenant.key).status }
        #expect(statuses == [200, 200, 200, 429, 429])
        for connection in slow {
            connection.send("nope")
            #expect(try connection.answer().status == 400)
        }
        statuses = try (0..<4).map { _ in try gateway.predict(tenant.key).status }
        #expect(statuses == [200, 200, 429, 429])
    }

    @Test("A form with more fields than any has is refused, and so is one that is too long, before anybody is known")
    func oversizedForms() throws {
        let connection = try gateway.rawTLS()
        let form = (0..<1000).map { "f\($0)=" }.joined(separator: "&")
        let fields = "Content-Type: application/x-www-form-urlencoded"
        connection.send(
            "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\nContent-Length: \(form.utf8.count)\r\n\r\n\(form)"
        )
        let refusal = try connection.answer()
        #expect(refusal.status == 400)
        #expect(try refusal.json["error"]?.string == "invalid_request")
        connection.send("POST /oauth/token HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\nContent-Length: 100000\r\n\r\n")
        #expect(try connection.answer().status == 413)
    }

    @Test("After a refused wish to continue, the next bytes are not taken for the body that was never sent")
    func refusedExpectation() throws {
        let connection = try gateway.rawTLS()
        connection.send(head("garbage", "Expect: 100-continue", "Content-Length: 40"))
        let answer = try connection.answer()
        #expect(answer.status == 401)
        #expect(answer.header("Connection") == "close")
    }

    @Test("A refusal reaches a client that is still sending a large body, whose token was verified meanwhile")
    func refusalDuringUpload() throws {
        let now = Int64(Date().timeIntervalSince1970)
        let forge = try Forge(gateway, for: try gateway.makeTenant())
        let expired = try forge.token(claims: [
            "exp": .integer(now - 60), "iat": .integer(now - 900), "nbf": .integer(now - 900),
        ])
        let size = 12 * 1024 * 1024
        let connection = try gateway.rawTLS()
        // Tokens that are verified first: what is sent meanwhile is more than is read for a stranger.
        let others = try (0..<64).map { _ in (connection: try gateway.rawTLS(), token: try forge.token()) }
        for other in others { other.connection.send(head(other.token, "Content-Length: 4") + "nope") }
        connection.send(head(expired, "Content-Length: \(size)"))
        // Outside the expectation, which would print every byte.
        let isTaken = connection.send([UInt8](repeating: UInt8(ascii: " "), count: size))
        #expect(isTaken, "the whole body is taken")
        #expect(try connection.answer().status == 401)
    }

    @Test("A wish to upgrade is answered as if it were not there")
    func upgrade() throws {
        let connection = try gateway.rawTLS()
        connection.send(
            "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        )
        let answer = try connection.answer()
        #expect(answer.status == 200)
        #expect(answer.header("Upgrade") == nil)
        connection.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try connection.answer().status == 200)
    }

    @Test("A head that does not end is given up in time, also behind a first request")
    func slowHead() throws {
        try withGateway(GatewayProcess.Settings(fields: ["http.header_seconds": "1"])) { gateway in
            let connection = try gateway.rawTLS()
            connection.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(try connection.answer().status == 200)
            connection.send("GET /livez HTTP/1.1\r\nHos")
            #expect(connection.readToEnd().end != .timedOut)
        }
    }
}
