// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// Configuration and certificates that change while the gateway runs: all of a change is taken, or nothing.
@Suite struct ReloadTests {
    private let loaded = "the configuration is reloaded"
    private let failed = "the configuration is not reloaded; the one before it stays in force"
    private let total = "tollgate_config_reloads_total"

    private func write(_ more: String, to gateway: GatewayProcess) throws {
        let base = try GatewayProcess.configuration(models: TestRun.models, state: gateway.state)
        try (base + more).write(toFile: gateway.configurationFile, atomically: true, encoding: .utf8)
    }

    private func isRefusing(_ gateway: GatewayProcess, bodyOf count: Int, _ tenant: TestTenant) throws -> Bool {
        let body = String(repeating: " ", count: count)
        let answer = try gateway.tenants().send("POST", "/predict", credential: tenant.key, body: body)
        return try answer.json["code"] == "body_too_large"
    }

    @Test("tollgate reload takes a change and says what changed; it holds when the command returns")
    func command() throws {
        try withGateway { gateway in
            let tenant = try gateway.makeTenant()
            let connection = try gateway.rawTLS()
            #expect(try !isRefusing(gateway, bodyOf: 2000, tenant))
            try write("http:\n  max_body_bytes: 1000\n", to: gateway)
            let reload = try gateway.command(["reload"])
            #expect(reload.end == .exited(0), "\(reload.errors)")
            #expect(reload.output.contains("http.max_body_bytes"))
            #expect(try isRefusing(gateway, bodyOf: 2000, tenant))
            // Connections go on, by the new limits.
            connection.send(
                "POST /predict HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(tenant.key)\r\n"
                    + "Content-Type: application/json\r\nContent-Length: 2000\r\n\r\n"
            )
            #expect(try connection.answer().status == 413)
            let again = try gateway.command(["reload"])
            #expect(again.end == .exited(0) && again.output.contains("nothing differs"), "\(again.output)")
            #expect(try gateway.metric(total, "outcome=\"success\"") == 2)
            let record = try #require(try gateway.records("action=config.reload&page_size=2").last?["record"])
            #expect(record["decision"] == "allowed")
        }
    }

    @Test("SIGHUP takes a change, and the log says so")
    func signal() throws {
        try withGateway { gateway in
            let tenant = try gateway.makeTenant()
            try write("http:\n  max_body_bytes: 1000\n", to: gateway)
            gateway.send(signal: SIGHUP)
            let line = try gateway.awaitLog(loaded)
            #expect(line["changed"]?.string == "http.max_body_bytes")
            #expect(try isRefusing(gateway, bodyOf: 2000, tenant))
            #expect(try gateway.metric(total, "outcome=\"success\"") == 1)
        }
    }

    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let configuration: String
        /// In the answer and in the log.
        let reason: String
    }

    static let faults = [
        Fault(testDescription: "no YAML", configuration: "http: [\n", reason: "gateway.yaml"),
        Fault(testDescription: "an unknown field", configuration: "colour: red\n", reason: "colour"),
        Fault(
            testDescription: "a value out of range",
            configuration: "http:\n  max_body_bytes: 0\n",
            reason: "http.max_body_bytes"
        ),
        Fault(
            testDescription: "a field that only a restart changes",
            configuration: "event_loops: 7\nhttp:\n  max_body_bytes: 1000\n",
            reason: "event_loops"
        ),
    ]

    @Test("What cannot be taken changes nothing: the command, the log and a metric say why", arguments: faults)
    func refused(fault: Fault) throws {
        try withGateway { gateway in
            let tenant = try gateway.makeTenant()
            try write(fault.configuration, to: gateway)
            let reload = try gateway.command(["reload"])
            #expect(reload.end == .exited(2), "\(reload)")
            #expect(reload.errors.contains(fault.reason), "\(reload.errors)")
            gateway.send(signal: SIGHUP)
            let line = try gateway.awaitLog(failed, after: 1)
            #expect(line["reason"]?.string?.contains(fault.reason) == true, "\(line)")
            #expect(try gateway.metric(total, "outcome=\"failure\"") == 2)
            #expect(try !isRefusing(gateway, bodyOf: 2000, tenant))
            #expect(try gateway.predict(tenant.key).status == 200)
            try write("", to: gateway)
            #expect(try gateway.command(["reload"]).end == .exited(0))
        }
    }

    // MARK: - Certificates

    @Test("A key that does not fit its certificate is not taken: the reload says so, and the old pair is served")
    func mismatch() throws {
        try withGateway { gateway in
            let before = try gateway.rawTLS().certificateDigest
            let certificates = try Certificates.shared
            let configuration = try GatewayProcess.configuration(models: TestRun.models, state: gateway.state)
            let changed = configuration.replacing(certificates.key, with: certificates.otherKey, maxReplacements: 1)
            try changed.write(toFile: gateway.configurationFile, atomically: true, encoding: .utf8)
            let reload = try gateway.command(["reload"])
            #expect(reload.end == .exited(2), "\(reload)")
            #expect(reload.errors.contains(certificates.otherKey), "\(reload.errors)")
            #expect(try gateway.rawTLS().certificateDigest == before)
            #expect(try gateway.metric(total, "outcome=\"failure\"") == 1)
        }
    }

    /// A gateway whose tenants' certificate is a copy that a test may replace.
    private func withOwnFiles(_ body: (GatewayProcess, _ certificate: String, _ key: String) throws -> Void) throws {
        let certificates = try Certificates.shared
        let directory = try TestRun.makeDirectory("pair")
        let files = (certificate: "\(directory)/server.pem", key: "\(directory)/server.key")
        try FileManager.default.copyItem(atPath: certificates.certificate, toPath: files.certificate)
        try FileManager.default.copyItem(atPath: certificates.key, toPath: files.key)
        let fields = ["listeners.tenants.certificate": files.certificate, "listeners.tenants.key": files.key]
        try withGateway(GatewayProcess.Settings(fields: fields)) { try body($0, files.certificate, files.key) }
    }

    /// As a deployment's tool replaces a file: beside it, then over it.
    private func replace(_ path: String, with other: String) throws {
        let text = try String(contentsOfFile: other, encoding: .utf8)
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    private func fingerprint(_ gateway: GatewayProcess) throws -> String {
        let shown = try ChildProcess.run(
            "openssl",
            ["s_client", "-connect", "127.0.0.1:\(gateway.tenantPort)", "-servername", "localhost"],
            directory: gateway.directory
        )
        try shown.output.write(toFile: "\(gateway.directory)/shown.pem", atomically: true, encoding: .utf8)
        let printed = try ChildProcess.run(
            "openssl",
            ["x509", "-noout", "-fingerprint", "-sha256", "-in", "\(gateway.directory)/shown.pem"],
            directory: gateway.directory
        )
        guard printed.end == .exited(0) else { throw HarnessError("no certificate in \(shown)") }
        return printed.output
    }

    @Test("Replaced certificate files are served to who comes next, while open connections go on")
    func replaced() throws {
        let renewed = try Certificates.another()
        try withOwnFiles { gateway, certificate, key in
            let open = try gateway.rawTLS()
            let http2 = try gateway.http2()
            let before = try fingerprint(gateway)
            try replace(key, with: renewed.key)
            try replace(certificate, with: renewed.certificate)
            try gateway.awaitMetric(
                "tollgate_tls_cert_reloads_total",
                "outcome=\"success\""
            )
            try gateway.awaitLog("changed certificates are served")
            #expect(try fingerprint(gateway) != before)
            open.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(try open.answer().status == 200)
            #expect(try http2.answer(http2.request("GET", "/livez")).status == 200)
        }
    }

    @Test("A bad pair on disk changes nothing but the log and a metric, and a good one behind it is taken")
    func badPair() throws {
        let renewed = try Certificates.another()
        try withOwnFiles { gateway, certificate, key in
            let before = try fingerprint(gateway)
            let reloads = "tollgate_tls_cert_reloads_total"
            try replace(key, with: try Certificates.shared.otherKey)
            let line = try gateway.awaitLog("changed certificates cannot be used; those before them stay")
            #expect(line["reason"]?.string?.contains(key) == true, "\(line)")
            try gateway.awaitMetric(reloads, "outcome=\"failure\"")
            #expect(try fingerprint(gateway) == before)

            try "no certificate".write(toFile: certificate, atomically: true, encoding: .utf8)
            try gateway.awaitMetric(reloads, "outcome=\"failure\"", atLeast: 2)
            #expect(try fingerprint(gateway) == before)
            try FileManager.default.removeItem(atPath: certificate)
            try gateway.awaitMetric(reloads, "outcome=\"failure\"", atLeast: 3)
            #expect(try fingerprint(gateway) == before)
            // What is wrong is said once, not at each look.
            #expect(try gateway.metric(reloads, "outcome=\"failure\"") == 3)

            try replace(key, with: renewed.key)
            try replace(certificate, with: renewed.certificate)
            try gateway.awaitMetric(reloads, "outcome=\"success\"")
            #expect(try fingerprint(gateway) != before)
        }
    }

    @Test("Reload after reload under load: every answer is right, and memory stays where it was")
    func manyReloads() throws {
        try withGateway { gateway in
            let tenant = try gateway.makeTenant()
            let answered = Tally()
            let stop = Tally()
            let clients = Workers(4) { number in
                let client = try gateway.tenants()
                while stop.count == 0 {
                    let answer = try client.send("POST", "/predict", credential: tenant.key, body: Digit.body(number))
                    #expect(answer.status == 200)
                    answered.add()
                }
            }
            func reload(_ rounds: Range<Int>) throws {
                for round in rounds {
                    try write("http:\n  max_pipelined: \(100 + round % 2)\n", to: gateway)
                    let answer = try gateway.management().send(
                        "POST",
                        "/admin/v1/reload",
                        credential: gateway.adminKey,
                        body: "{}"
                    )
                    #expect(answer.status == 200, "\(answer.text)")
                }
            }
            try reload(0..<30)
            let before = try gateway.residentMemory()
            let rounds = TestRun.rounds("RELOADS", 100)
            try reload(30..<30 + rounds)
            let after = try gateway.residentMemory()
            stop.add()
            _ = try clients.join()
            #expect(answered.count > 100)
            #expect(after - before < 32 << 20, "from \(before) to \(after) bytes")
            #expect(try gateway.metric(total, "outcome=\"success\"") == Double(30 + rounds))
        }
    }
}
