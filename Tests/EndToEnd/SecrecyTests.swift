// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// Secrets are shown once, to whom they belong, and are nowhere else.
@Suite(.gateway())
struct SecrecyTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    /// The files of the state folder that hold a text, and `log` when the log does.
    private func places(of text: String) throws -> Set<String> {
        var places: Set<String> = gateway.log.contains(text) ? ["log"] : []
        let files = try FileManager.default.subpathsOfDirectory(atPath: gateway.state)
        for file in files {
            guard let bytes = FileManager.default.contents(atPath: "\(gateway.state)/\(file)") else { continue }
            if bytes.range(of: Data(text.utf8)) != nil { places.insert(file) }
        }
        return places
    }

    @Test("Neither keys nor tokens are in any list, record, log or file")
    func nowhere() throws {
        let tenant = try gateway.makeTenant()
        let token = try gateway.token(tenant)
        let wrong = "\(tenant.key.dropLast())\(tenant.key.hasSuffix("0") ? "1" : "0")"
        // By every way in, well and badly.
        for credential in [tenant.key, token, wrong, token + "A", "x.\(token)"] { _ = try gateway.predict(credential) }
        _ = try gateway.tenants().send("POST", "/predict?key=\(tenant.key)", credential: tenant.key, body: "{}")
        _ = try gateway.tenants().send("GET", "/\(tenant.key)", credential: tenant.key)
        _ = try gateway.tenants().send(
            "POST",
            "/oauth/token",
            headers: [form],
            body: "grant_type=\(tenant.key)&client_secret=\(tenant.key)"
        )
        _ = try gateway.management().send("GET", "/admin/v1/keys/\(tenant.key)", credential: gateway.adminKey)
        _ = try gateway.management().send(
            "POST",
            "/admin/v1/tenants",
            credential: gateway.adminKey,
            body: "{\"id\":\"a\",\"plan\":\"\(tenant.key)\"}"
        )
        // All of it into files.
        _ = try gateway.records("page_size=1")
        try gateway.restart()

        let secret = String(tenant.secret.prefix(43))
        let signature = String(token.split(separator: ".")[2])
        let client = try gateway.management()
        for path in [
            "/admin/v1/keys?tenant=\(tenant.id)", "/admin/v1/keys/\(tenant.keyID)", "/admin/v1/tenants/\(tenant.id)",
        ] {
            let answer = try client.send("GET", path, credential: gateway.adminKey)
            #expect(answer.status == 200)
            #expect(answer.text.contains(tenant.id) && !answer.text.contains(secret))
        }
        let records = try gateway.records("page_size=1000")
        #expect(records.contains { $0.serialized().contains(tenant.keyID) })
        #expect(!records.contains { $0.serialized().contains(secret) || $0.serialized().contains(signature) })
        for text in [secret, signature, String(gateway.adminKey.suffix(49)), String(gateway.auditorKey.suffix(49))] {
            #expect(try places(of: text) == [])
        }

        // The same search finds what is there: the key's id, and a secret laid out for it.
        #expect(try places(of: tenant.keyID).contains { $0.hasPrefix("audit/") })
        #expect(try places(of: tenant.keyID).contains { $0.hasPrefix("tollgate.sqlite") })
        try "… \(secret) …".write(toFile: "\(gateway.state)/planted", atomically: true, encoding: .utf8)
        #expect(try places(of: secret) == ["planted"])
        try FileManager.default.removeItem(atPath: "\(gateway.state)/planted")
    }

    @Test("The state is for its owner alone")
    func permissions() throws {
        func mode(_ path: String) throws -> Int? {
            try (FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber)?.intValue
        }
        #expect(try mode(gateway.state) == 0o700)
        for file in ["pepper", "signing-keys"] { #expect(try mode("\(gateway.state)/\(file)") == 0o600) }
    }
}
