// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCrypto
import Synchronization

/// An authorization server outside: a key set behind HTTPS that does what a test wants, and tokens of its keys.
final class OutsideIssuer: Sendable {
    let name = "https://issuer-\(TestRun.next()).example"
    static let audience = "api://tollgate"
    private let directory: String
    private let running: Mutex<ChildProcess?> = Mutex(nil)
    private let port: Mutex<String> = Mutex("0")

    init() throws {
        directory = try TestRun.makeDirectory("issuer")
        try answer(404, body: "")
        try start()
    }

    deinit { stop() }

    var url: String { "https://127.0.0.1:\(port.withLock { $0 })/jwks" }

    /// What it was asked for: the path and `If-None-Match` of each request.
    var requests: [String] {
        let text = (try? String(contentsOfFile: "\(directory)/requests", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    // MARK: - The server

    /// Starts it, again on the port it had.
    func start(_ certificates: Certificates? = nil) throws {
        let certificates = try certificates ?? Certificates.shared
        try? FileManager.default.removeItem(atPath: "\(directory)/port")
        let child = try ChildProcess(
            "python3",
            [
                "\(TestRun.repository)/Tests/Peers/jwks_server.py", directory, certificates.certificate,
                certificates.key,
                port.withLock { $0 },
            ],
            directory: directory
        )
        running.withLock { $0 = child }
        let found = try eventually("a key set server; it wrote \(child.errors)") {
            if let end = child.end { throw HarnessError("the server ended with \(end): \(child.errors)") }
            return try? String(contentsOfFile: "\(directory)/port", encoding: .utf8)
        }
        port.withLock { $0 = found }
    }

    func stop() { running.withLock { $0 }?.kill() }

    func publish(_ keys: [JSON], headers: [String: String] = [:]) throws {
        try answer(200, headers: headers, body: Self.set(keys))
    }

    func answer(_ status: Int64, headers: [String: String] = [:], body: String) throws {
        let answer: JSON = [
            "status": .integer(status), "headers": .object(headers.map { JSON.Member($0, .string($1)) }),
            "body": .string(body),
        ]
        try answer.serialized().write(toFile: "\(directory)/answer.json", atomically: true, encoding: .utf8)
    }

    /// Keeps all answers back until ``release()``.
    func hold() throws { try "".write(toFile: "\(directory)/hold", atomically: true, encoding: .utf8) }
    func release() throws { try FileManager.default.removeItem(atPath: "\(directory)/hold") }

    static func set(_ keys: [JSON]) -> String { JSON.object([JSON.Member("keys", .array(keys))]).serialized() }

    // MARK: - Tokens

    /// A token for a tenant; `nil` takes a claim out.
    func token(
        _ key: SigningKey,
        for tenant: String,
        kid: String? = nil,
        type: String = "at+jwt",
        claims changes: [String: JSON?] = [:]
    ) throws -> String {
        let now = Int64(Date().timeIntervalSince1970)
        var claims: [String: JSON] = [
            "iss": .string(name), "aud": .string(Self.audience), "sub": "someone", "client_id": "app",
            "tenant": .string(tenant), "scope": "predict models:read", "jti": .string("outside-\(TestRun.next())"),
            "iat": .integer(now), "exp": .integer(now + 600),
        ]
        for (name, value) in changes { claims[name] = value }
        let header: JSON = [
            "alg": .string(key.algorithm.rawValue), "typ": .string(type), "kid": .string(kid ?? key.keyID),
        ]
        let payload = JSON.object(claims.map { JSON.Member($0, $1) })
        let signed = [header, payload].map { Base64URL.encode($0.serialized().utf8) }.joined(separator: ".")
        return "\(signed).\(Base64URL.encode(try key.sign(Array(signed.utf8))))"
    }

    // MARK: - At the gateway

    /// Its entry in the list `issuers`.
    func entry(_ fields: [String: String] = [:], authority: String? = nil) throws -> String {
        var all = ["audiences": "[\(Self.audience)]"]
        if fields["jwks_file"] == nil {
            all["jwks_url"] = url
            all["ca_file"] = try authority ?? Certificates.shared.authority
        }
        all.merge(fields) { $1 }
        return "  - issuer: \(name)\n" + all.map { "    \($0): \($1)\n" }.joined()
    }
}

extension GatewayProcess {
    /// Puts the issuers into the configuration and has it reloaded.
    func trust(_ entries: String...) throws {
        let base = try Self.configuration(models: TestRun.models, state: state)
        try (base + (entries.isEmpty ? "" : "issuers:\n") + entries.joined())
            .write(toFile: configurationFile, atomically: true, encoding: .utf8)
        let answer = try management().send("POST", "/admin/v1/reload", credential: adminKey, body: "{}")
        guard answer.status == 200 else { throw HarnessError("reload: \(answer.text)") }
    }

    /// How often a fetch of the issuer's key set had that result.
    func fetches(_ issuer: OutsideIssuer, _ result: String) throws -> Double {
        try metric("tollgate_jwks_fetches_total", "issuer=\"\(issuer.name)\"", "result=\"\(result)\"")
    }

    /// Waits until a fetch has had that result.
    func awaitFetch(_ issuer: OutsideIssuer, _ result: String, atLeast count: Double = 1) throws {
        _ = try eventually("\(count) fetches of \(issuer.name) with \(result)") {
            try fetches(issuer, result) >= count ? true : nil
        }
    }

    /// Waits for a line of the log whose reason has these words.
    func awaitLog(_ message: String, reason: String) throws -> JSON {
        try eventually("'\(message)' for '\(reason)' in the log") {
            Self.lines(log).first {
                $0["message"]?.string == message && $0["reason"]?.string?.contains(reason) == true
            }
        }
    }
}
