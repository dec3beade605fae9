// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

/// Every payload of the corpus, over TLS, behind a request that marks the place: what is smuggled is never answered.
@Suite(.gateway())
struct SmugglingTests {
    private static let marker = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    private static let post = "POST /predict HTTP/1.1\r\nHost: localhost\r\n"

    /// As it is, and as of a client that the gateway would listen to.
    enum Form: CaseIterable { case plain, admitted }

    @Test(
        "A payload behind a marker is refused and closes the connection; nothing in it is a request",
        arguments: Form.allCases
    )
    func payloads(form: Form) throws {
        let gateway = try SharedGateway.gateway
        let tenant = try gateway.makeTenant()
        let credential = Array("Authorization: Bearer \(tenant.key)\r\nContent-Type: application/json\r\n".utf8)
        var wrong: [String] = []
        var statuses: [Int: Int] = [:]
        for payload in SmugglingCorpus.all {
            var bytes = payload.bytes
            if form == .admitted {
                guard bytes.starts(with: Self.post.utf8) else { continue }
                bytes.insert(contentsOf: credential, at: Self.post.utf8.count)
            }
            let connection = try gateway.rawTLS()
            connection.send(Array(Self.marker.utf8) + bytes)
            let marker = try connection.answer()
            #expect(marker.status == 200 && marker.header("Connection") == nil, "\(payload.name)")
            do {
                let answer = try connection.answer(toHead: bytes.starts(with: "HEAD ".utf8))
                statuses[answer.status, default: 0] += 1
                let isRight = answer.header("Connection") == "close" && (400...499).contains(answer.status)
                if !isRight { wrong.append("\(payload.name): \(answer.status) \(answer.headers)") }
                if form == .admitted, ![400, 417].contains(answer.status) {
                    wrong.append("\(payload.name): \(answer.status) \(answer.text)")
                }
            } catch {
                wrong.append("\(payload.name): \(error)")
            }
            let rest = connection.readToEnd()
            if !rest.bytes.isEmpty || rest.end == .timedOut {
                let text = String(decoding: rest.bytes.prefix(200), as: UTF8.self)
                wrong.append("\(payload.name): behind it \(text) \(rest.end)")
            }
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
        #expect(statuses.keys.allSatisfy { $0 != 404 }, "404 is what the smuggled request would get: \(statuses)")
        #expect(try gateway.records("tenant=\(tenant.id)&status=200").isEmpty)
    }

    @Test("What the corpus smuggles is answered where it stands alone")
    func control() throws {
        let connection = try SharedGateway.gateway.rawTLS()
        connection.send("\(Self.marker)GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n\(Self.marker)")
        #expect(try (0..<3).map { _ in try connection.answer().status } == [200, 404, 200])
    }
}
