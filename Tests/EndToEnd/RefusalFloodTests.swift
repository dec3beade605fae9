// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

/// Strangers who are refused over and over.
struct RefusalFloodTests {
    private static let settings = GatewayProcess.Settings(
        fields: ["audit.refusals_per_second": "2", "event_loops": "1"]
    )
    private static let flood = 60

    /// Asks on many connections at once, without credentials.
    private func ask(_ path: String, _ gateway: GatewayProcess) throws -> [Answer] {
        let connections = try (0..<Self.flood).map { _ in try gateway.rawTLS() }
        for connection in connections {
            connection.send("POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
        }
        return try connections.map { try $0.answer() }
    }

    private func counted(_ records: [JSON]) -> Int64 {
        records.reduce(0) { $0 + ($1["record"]?["count"]?.integer ?? 1) }
    }

    @Test("They share records that count them all, and each answer names the record that counts it")
    func counts() throws {
        let gateway = try GatewayProcess(Self.settings)
        defer { gateway.stop() }
        let answers = try ask("/predict", gateway) + ask("/nowhere", gateway)
        #expect(answers.prefix(Self.flood).allSatisfy { $0.status == 401 })
        #expect(answers.suffix(Self.flood).allSatisfy { $0.status == 404 })
        for (reason, part) in [
            ("credential_missing", answers.prefix(Self.flood)), ("route_not_found", answers.suffix(Self.flood)),
        ] {
            let records = try gateway.records("reason=\(reason)&source=127.0.0.1&page_size=1000")
            #expect(counted(records) == Int64(Self.flood))
            #expect(records.count < Self.flood / 2)
            let indices = Set(records.compactMap { $0["index"]?.integer })
            #expect(part.allSatisfy { answer in answer.auditIndex.map { indices.contains(Int64($0)) } ?? false })
            let shared = try #require(records.first { ($0["record"]?["count"]?.integer ?? 0) > 1 }?["record"])
            #expect(shared["source"]?["address"] == "127.0.0.1")
            #expect(shared["request_id"] == nil && shared["connection"] == nil && shared["tls"] == nil)
        }
    }

    @Test("After a crash no refusal that was answered is missing from the counts")
    func crash() throws {
        let gateway = try GatewayProcess(Self.settings)
        defer { gateway.stop() }
        let connections = try (0..<Self.flood).map { _ in try gateway.rawTLS() }
        for connection in connections {
            connection.send("GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
        }
        let first = try connections[0].answer()
        let last = try connections[Self.flood - 1].answer()
        #expect(first.status == 404 && last.status == 404)
        try gateway.restart(.kill)
        let answered = 2 + connections[1..<Self.flood - 1].reduce(0) { $0 + ((try? $1.answer()) == nil ? 0 : 1) }
        let records = try gateway.records("reason=route_not_found&page_size=1000")
        #expect(counted(records) >= Int64(answered))
        #expect(counted(records) <= Int64(Self.flood))
    }

    @Test("Whoever has a credential is recorded one by one beside them")
    func others() throws {
        let gateway = try GatewayProcess(Self.settings)
        defer { gateway.stop() }
        let tenant = try gateway.makeTenant()
        _ = try ask("/predict", gateway)
        let answers = try (0..<5).map { _ in try gateway.predict(tenant.key) }
        let ids = try gateway.records("tenant=\(tenant.id)&order=oldest").map { $0["record"]?["request_id"]?.string }
        #expect(ids == answers.map(\.requestID))
    }
}
