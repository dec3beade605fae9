// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// A text of its own for every place in which a client can put a secret, and a search for each of them in all that the
/// gateway leaves behind.
struct CanaryTests {
    /// Letters and digits alone, so that no encoding hides it.
    private static func canary(_ place: String) -> String {
        "CANARY\(place)\(UInt64.random(in: .max / 2 ... .max))\(TestRun.next())"
    }

    /// Where in the gateway's folder, its log and its metrics the text is.
    private func places(of text: String, _ gateway: GatewayProcess, _ metrics: String) throws -> [String] {
        var places = gateway.log.contains(text) ? ["log"] : []
        if metrics.contains(text) { places.append("metrics") }
        for file in try FileManager.default.subpathsOfDirectory(atPath: gateway.directory) {
            guard let bytes = FileManager.default.contents(atPath: "\(gateway.directory)/\(file)") else { continue }
            if bytes.range(of: Data(text.utf8)) != nil { places.append(file) }
        }
        return places
    }

    /// A self-signed certificate that holds the text.
    private func certificate(_ text: String, _ gateway: GatewayProcess) throws -> (certificate: String, key: String) {
        let folder = try TestRun.makeDirectory("canary")
        let made = try ChildProcess.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                "/CN=\(text)", "-keyout", "\(folder)/client.key", "-out", "\(folder)/client.pem",
            ],
            directory: folder
        )
        guard made.end == .exited(0) else { throw HarnessError("openssl: \(made.errors)") }
        return ("\(folder)/client.pem", "\(folder)/client.key")
    }

    @Test(
        "What a client puts anywhere but where it belongs is in no file, log or metric",
        arguments: ["200", "4xx"]
    )
    func nowhere(outcome: String) throws {
        let gateway = try GatewayProcess(
            GatewayProcess.Settings(fields: ["log.level": "debug", "audit.refusals_per_second": "3"])
        )
        defer { gateway.stop() }
        let tenant = try gateway.makeTenant()
        var canaries: [String: String] = [:]
        func new(_ place: String) -> String {
            let text = Self.canary(place)
            canaries[place] = text
            return text
        }
        let isGood = outcome == "200"
        let body = isGood ? Digit.body() : "{\"instances\":[]}"
        let length = body.utf8.count
        let good = "Authorization: Bearer \(tenant.key)\r\n"
        let json = "Content-Type: application/json\r\n"
        func ask(_ request: String) throws {
            let connection = try gateway.rawTLS()
            connection.send(request)
            _ = try connection.answer()
        }
        try ask(
            "POST /predict?token=\(new("Query")) HTTP/1.1\r\nHost: localhost\r\n\(good)\(json)Content-Length: \(length)\r\n\r\n\(body)"
        )
        for (field, place) in [
            ("Cookie", "Cookie"), ("User-Agent", "Agent"), ("X-Secret", "Field"), ("Referer", "Referer"),
        ] {
            try ask(
                "POST /predict HTTP/1.1\r\nHost: localhost\r\n\(good)\(json)\(field): s=\(new(place))\r\nContent-Length: \(length)\r\n\r\n\(body)"
            )
        }
        try ask("GET /\(new("Path"))/x HTTP/1.1\r\nHost: localhost\r\n\(isGood ? good : "")\r\n")
        try ask("GET /v1/models/\(new("Model"))%00/x HTTP/1.1\r\nHost: localhost\r\n\(good)\r\n")
        for (scheme, place) in [
            ("Bearer", "Bearer"), ("Basic", "Basic"), ("Bearer tg_live_", "Key"),
            ("Bearer eyJhbGciOiJFUzI1NiJ9.e30.", "Token"),
        ] {
            let separator = place == "Key" || place == "Token" ? "" : " "
            try ask(
                "POST /predict HTTP/1.1\r\nHost: localhost\r\nAuthorization: \(scheme)\(separator)\(new(place))\r\nContent-Length: 0\r\n\r\n"
            )
        }
        let values = "{\"instances\":[\"\(new("JSON"))\"],\"\(new("Name"))\":1}"
        try ask(
            "POST /predict HTTP/1.1\r\nHost: localhost\r\n\(good)\(json)Content-Length: \(values.utf8.count)\r\n\r\n\(values)"
        )
        let broken = "{\"instances\": [[1, \(new("Malformed"))"
        try ask(
            "POST /predict HTTP/1.1\r\nHost: localhost\r\n\(good)\(json)Content-Length: \(broken.utf8.count)\r\n\r\n\(broken)"
        )
        try ask(
            "POST /predict HTTP/1.1\r\nHost: localhost\r\n\(good)\(json)Transfer-Encoding: chunked\r\n\r\n"
                + "\(String(length, radix: 16))\r\n\(body)\r\n0\r\nX-Trailer: \(new("Trailer"))\r\n\r\n"
        )
        try ask("BREW /\(new("Line")) HTTP/1.1\r\nHost: localhost\r\nBad Field: \(new("BadField"))\r\n\r\n")
        try ask("GET /\(new("Host")) HTTP/1.1\r\nHost: \(new("HostField")).example\r\nHost: b\r\n\r\n")
        _ = try gateway.tenants().send(
            "POST",
            "/oauth/token",
            headers: [basic(isGood ? tenant.keyID : new("ClientID"), isGood ? tenant.key : new("Secret")), form],
            body: "grant_type=client_credentials&client_assertion=\(new("Form"))"
        )
        _ = try gateway.tenants().send(
            "POST",
            "/oauth/token",
            headers: [form],
            body: "grant_type=\(new("Grant"))&client_secret=\(new("FormSecret"))"
        )
        _ = try gateway.management().send(
            "GET",
            "/admin/v1/audit/records?q=\(new("Search"))",
            credential: gateway.auditorKey
        )
        _ = try gateway.management().send(
            "POST",
            "/admin/v1/tenants",
            credential: gateway.adminKey,
            body: "{\"\(new("AdminName"))\":1}"
        )
        _ = try gateway.management().send(
            "POST",
            "/admin/v1/tenants",
            credential: gateway.adminKey,
            body: "{\"id\":\"\(new("AdminBroken"))"
        )
        let client = try certificate(new("Certificate"), gateway)
        _ = try ChildProcess.run(
            "openssl",
            [
                "s_client", "-connect", "127.0.0.1:\(gateway.tenantPort)", "-cert", client.certificate, "-key",
                client.key,
            ],
            directory: try TestRun.makeDirectory("canary")
        )
        let metrics = try gateway.management().send("GET", "/metrics", credential: gateway.metricsKey()).text
        _ = try gateway.records("page_size=1")
        for (place, text) in canaries {
            #expect(try places(of: text, gateway, metrics) == [], "the canary of \(place)")
        }
        // As it ends without a word.
        gateway.kill()
        for (place, text) in canaries {
            #expect(try places(of: text, gateway, "") == [], "the canary of \(place), after a crash")
        }
        #expect(canaries.count >= 24)

        // The same search finds what is there: in the log of records, in the database and its index, and in a file.
        #expect(try places(of: tenant.keyID, gateway, metrics).contains { $0.hasPrefix("state/audit/journal/") })
        #expect(try places(of: tenant.keyID, gateway, metrics).contains { $0.hasPrefix("state/tollgate.sqlite") })
        #expect(metrics.contains(tenant.id))
        let planted = try #require(canaries["Query"])
        try "… \(planted) …".write(toFile: "\(gateway.state)/planted", atomically: true, encoding: .utf8)
        #expect(try places(of: planted, gateway, "") == ["state/planted"])
    }

    @Test("A crash leaves no memory behind: neither to a file nor to a handler")
    func core() throws {
        let gateway = try GatewayProcess()
        defer { gateway.stop() }
        let limits = try String(contentsOfFile: "/proc/\(gateway.pid)/limits", encoding: .utf8)
        let core = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") })
        #expect(core.split(separator: " ").suffix(3) == ["0", "0", "bytes"])
        let filter = try String(contentsOfFile: "/proc/\(gateway.pid)/coredump_filter", encoding: .utf8)
        #expect(Int(filter.trimmingCharacters(in: .whitespacesAndNewlines), radix: 16) == 0)
    }
}
