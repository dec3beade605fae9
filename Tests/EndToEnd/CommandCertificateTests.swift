// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import HTTPClient
import Testing

/// Client certificates in place of keys, on the management listener.
struct CommandCertificateTests {
    /// A client's certificate, and SHA-256 of it.
    private struct ClientCertificate {
        let certificate: String
        let key: String
        let fingerprint: String

        /// One of the test run's authority, or one that signs itself.
        init(_ gateway: GatewayProcess, isTrusted: Bool = true) throws {
            let path = "\(gateway.directory)/client-\(TestRun.next())"
            (certificate, key) = ("\(path).pem", "\(path).key")
            let authority = try Certificates.shared.authority
            let signing = isTrusted ? ["-CA", authority, "-CAkey", authority.replacing("ca.pem", with: "ca.key")] : []
            func openssl(_ arguments: [String]) throws -> String {
                let result = try ChildProcess.run("openssl", arguments, directory: gateway.directory)
                guard result.end == .exited(0) else { throw HarnessError("openssl \(arguments): \(result.errors)") }
                return result.output
            }
            _ = try openssl(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key])
            _ = try openssl(
                ["req", "-x509", "-new", "-key", key, "-days", "2", "-out", certificate, "-subj", "/CN=operator"]
                    + ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=clientAuth"]
                    + signing
            )
            let shown = try openssl(["x509", "-in", certificate, "-noout", "-fingerprint", "-sha256"])
            fingerprint = String(shown.trimmingCharacters(in: .newlines).split(separator: "=")[1])
        }
    }

    private static func settings(_ mode: String = "optional") throws -> GatewayProcess.Settings {
        GatewayProcess.Settings(fields: [
            "listeners.management.client_certificates": mode,
            "listeners.management.client_authorities": try Certificates.shared.authority,
            "listeners.tenants.client_certificates": "optional",
            "listeners.tenants.client_authorities": try Certificates.shared.authority,
        ])
    }

    /// Binds certificates to keys in the file, and has it read again.
    private func bind(_ gateway: GatewayProcess, _ bindings: [(ClientCertificate, key: String)]) throws {
        var text = try String(contentsOfFile: gateway.configurationFile, encoding: .utf8)
        text = text.replacing(#/ {4}client_keys:.*\n/#, with: "")
        let list = bindings.map { "\"\($0.0.fingerprint)=\($0.key)\"" }.joined(separator: ", ")
        text = text.replacing("  management:\n", with: "  management:\n    client_keys: [\(list)]\n")
        try text.write(toFile: gateway.configurationFile, atomically: true, encoding: .utf8)
        let reload = try gateway.command(["reload"])
        guard reload.end == .exited(0) else { throw HarnessError(reload.errors) }
    }

    private func id(_ key: String) -> String { String(key.dropFirst(8).prefix(8)) }

    /// Runs a command with the certificate and no key at all.
    private func run(
        _ gateway: GatewayProcess,
        _ certificate: ClientCertificate,
        _ arguments: String...
    ) throws -> (end: ChildProcess.End, output: String, errors: String) {
        var environment = try gateway.commandEnvironment()
        environment["TOLLGATE_ADMIN_KEY"] = nil
        environment["TOLLGATE_AUDITOR_KEY"] = nil
        return try ChildProcess.run(
            TestRun.binary,
            arguments + ["--certificate", certificate.certificate, "--certificate-key", certificate.key],
            environment: environment,
            directory: gateway.directory
        )
    }

    @Test("A bound certificate does what its key may do, is on record, and ends with the key")
    func bound() throws {
        try withGateway(Self.settings()) { gateway in
            let operatorKey = id(try gateway.issueKey(role: "operator"))
            let (admin, auditor) = (try ClientCertificate(gateway), try ClientCertificate(gateway))
            try bind(gateway, [(admin, operatorKey), (auditor, id(gateway.auditorKey))])
            #expect(try run(gateway, admin, "plan", "set", "certified", "--daily-quota", "7").end == .exited(0))
            let forbidden = try run(gateway, admin, "tenant", "create", "forbidden")
            #expect(forbidden.end == .exited(77) && forbidden.errors.contains("(role_forbidden)"))
            let found = try run(gateway, auditor, "audit", "search", "--action", "plan.put", "-o", "json")
            let record = try #require(
                try JSON.parse(found.output.split(separator: "\n").first.map(String.init) ?? "")["record"]
            )
            #expect(record["auth"] == "certificate" && record["key_id"]?.string == operatorKey)
            let digits = admin.fingerprint.replacing(":", with: "").lowercased()
            #expect(record["tls"]?["client_sha256"]?.string == digits)
            let words = try run(gateway, auditor, "explain", record["request_id"]?.string ?? "")
            #expect(words.output.contains("a client certificate that stands for the API key \(operatorKey)"))

            try gateway.revoke(operatorKey)
            let revoked = try run(gateway, admin, "plan", "list")
            #expect(revoked.end == .exited(77) && revoked.errors.contains("(key_revoked)"))
        }
    }

    @Test("A certificate that is not bound, or not any more, is nobody; a bearer credential goes before one that is")
    func unbound() throws {
        try withGateway(Self.settings()) { gateway in
            let (bound, other) = (try ClientCertificate(gateway), try ClientCertificate(gateway))
            try bind(gateway, [(bound, id(gateway.auditorKey))])
            let refused = try run(gateway, other, "plan", "list")
            #expect(refused.end == .exited(77) && refused.errors.contains("(credential_missing)"))
            #expect(refused.errors.contains("bound to no API key"))

            let http = HTTPClient(
                caFile: try Certificates.shared.authority,
                clientCertificate: (bound.certificate, bound.key)
            )
            func status(_ path: String, port: Int, _ fields: [(name: String, value: String)] = []) throws -> Int {
                try http.send(HTTPRequest("GET", "https://127.0.0.1:\(port)\(path)", headers: fields)).status
            }
            let plans = "/admin/v1/plans"
            #expect(try status(plans, port: gateway.managementPort) == 200)
            // What a caller says goes before what its connection says.
            for field in ["Bearer wrong", "Bearer tg_live_x", "Basic eDp5", ""] where !field.isEmpty {
                #expect(try status(plans, port: gateway.managementPort, [("Authorization", field)]) == 401)
            }
            let admin = [(name: "Authorization", value: "Bearer \(gateway.adminKey)")]
            #expect(try status("/admin/v1/signing-keys", port: gateway.managementPort) == 403)
            #expect(try status("/admin/v1/signing-keys", port: gateway.managementPort, admin) == 200)
            // Tenants' requests need a token or key, certificate or not.
            #expect(try status("/v1/models", port: gateway.tenantPort) == 401)

            // The same connection, once nothing is bound any more.
            try bind(gateway, [])
            #expect(try status(plans, port: gateway.managementPort) == 401)
        }
    }

    @Test("A certificate of another authority opens nothing, though its fingerprint be bound")
    func untrusted() throws {
        try withGateway(Self.settings()) { gateway in
            let stranger = try ClientCertificate(gateway, isTrusted: false)
            try bind(gateway, [(stranger, id(gateway.adminKey))])
            #expect(try run(gateway, stranger, "tenant", "list").end == .exited(69))
        }
    }

    @Test("A login may be one with a certificate, and then there is no key")
    func login() throws {
        try withGateway(Self.settings()) { gateway in
            let certificate = try ClientCertificate(gateway)
            try bind(gateway, [(certificate, id(gateway.adminKey))])
            var environment = TestRun.environment
            environment["XDG_CONFIG_HOME"] = "\(gateway.directory)/home"
            func run(_ arguments: [String]) throws -> ChildProcess.End {
                let result = try ChildProcess.run(
                    TestRun.binary,
                    arguments,
                    environment: environment,
                    directory: gateway.directory
                )
                #expect(!result.output.contains("PRIVATE"))
                return result.end
            }
            let place = [
                "--url", "https://127.0.0.1:\(gateway.managementPort)", "--ca", try Certificates.shared.authority,
            ]
            let proof = ["--certificate", certificate.certificate, "--certificate-key", certificate.key]
            #expect(try run(["login"] + place + proof) == .exited(0))
            #expect(try run(["tenant", "list"]) == .exited(0))
            #expect(!FileManager.default.fileExists(atPath: "\(gateway.directory)/home/tollgate/keys/default"))
            #expect(try run(["tenant", "list", "--certificate", "/nowhere"]) == .exited(66))
        }
    }

    @Test(
        "A binding that is none is named",
        arguments: [
            "abc=Ab3dE6gH", "\(String(repeating: "a", count: 64))", "\(String(repeating: "a", count: 64))=short",
        ]
    )
    func configuration(_ binding: String) throws {
        let directory = try TestRun.makeDirectory("binding")
        let file = "\(directory)/gateway.yaml"
        let text = "listeners:\n  management:\n    client_keys: [\"\(binding)\"]\n"
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        let result = try ChildProcess.run(TestRun.binary, ["check", "--config", file], directory: directory)
        #expect(result.end == .exited(78))
        #expect(
            result.errors.contains("\(file):3: listeners.management.client_keys")
                && result.errors.contains("FINGERPRINT=KEY")
        )
    }
}
