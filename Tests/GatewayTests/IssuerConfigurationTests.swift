// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCrypto
import TestSupport
import Testing

@testable import Gateway

/// The list `issuers` of the configuration file.
@Suite struct IssuerConfigurationTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func load(_ yaml: String, environment: [String: String] = [:]) throws -> Configuration {
        try Configuration.load(file: directory.write(yaml, to: "gateway.yaml"), environment: environment)
    }

    private func faults(_ yaml: String, environment: [String: String] = [:]) -> String {
        do {
            _ = try load(yaml, environment: environment)
            return "no fault"
        } catch {
            return "\(error)".replacing(directory.file("gateway.yaml"), with: "FILE")
        }
    }

    @Test func `an issuer has its fields, and defaults where it has none`() throws {
        let issuers = try load(
            """
            issuers:
              - issuer: https://a.example
                jwks_url: https://a.example/jwks
              - issuer: urn:b
                jwks_file: keys.json
                audiences: [one, two]
                algorithms: ES256
                tenant: acme
                client_claim: azp
                scope_claim: roles
                scopes: {Use: predict, All: [predict, "models:read"]}
                refresh_seconds: 60
                cooldown_seconds: 5
                timeout_seconds: 3
                max_stale_seconds: 0
            """
        ).issuers
        var a = Configuration.Issuer()
        a.issuer = "https://a.example"
        a.jwksURL = "https://a.example/jwks"
        #expect(issuers.first == a)
        var b = Configuration.Issuer()
        b.issuer = "urn:b"
        b.jwksFile = "keys.json"
        b.audiences = ["one", "two"]
        b.algorithms = [.es256]
        b.tenant = TenantID("acme")
        b.clientClaim = "azp"
        b.scopeClaim = "roles"
        b.scopes = ["Use": .predict, "All": [.predict, .modelsRead]]
        (b.refreshSeconds, b.cooldownSeconds, b.timeoutSeconds, b.maxStaleSeconds) = (60, 5, 3, 0)
        #expect(issuers.last == b)
    }

    @Test func `no issuers are none`() throws {
        for yaml in ["issuers:\n", "issuers: []\n"] { #expect(try load(yaml) == Configuration()) }
    }

    private static let good = "issuers:\n  - issuer: https://a.example\n    jwks_url: https://a.example/jwks\n"

    static let rows: [(yaml: String, fault: String)] = [
        ("issuers: all\n", "FILE:1: issuers: must be a list in the configuration file, not 'all'"),
        ("issuers: {a: 1}\n", "FILE:1: issuers: must be a list, each of whose entries begins with '- issuer: …'"),
        ("issuers: [a]\n", "FILE:1: issuers[0]: must hold fields, as 'issuer: …'"),
        ("issuers:\n  - jwks_url: https://a/\n", "FILE:2: issuers[0].issuer: is missing: the 'iss' of its tokens"),
        ("issuers:\n  - issuer: a\n", "FILE:2: issuers[0]: must have either jwks_url or jwks_file"),
        (good + "    jwks_file: a\n", "FILE:2: issuers[0]: must have either jwks_url or jwks_file"),
        (good + "    tenant: a\n    tenant_claim: b\n", "FILE:2: issuers[0]: must have either tenant or tenant_claim"),
        (good + "    tenant: system\n", "FILE:4: issuers[0].tenant: must be the id of a tenant"),
        (good + "    tenant: [a]\n", "FILE:4: issuers[0].tenant: must be the id of a tenant"),
        (good + "    audiences: []\n", "FILE:4: issuers[0].audiences: must be a list of texts, of at least one"),
        (
            good + "    refresh_seconds: 0\n",
            "FILE:4: issuers[0].refresh_seconds: must be a whole number from 1 to 86400"
        ),
        (
            good + "    scopes: {a: admin}\n",
            "FILE:4: issuers[0].scopes: must be a mapping from the issuer's words to the gateway's scopes, each some of: "
                + "predict models:read"
        ),
        (
            good + "  - issuer: b\n    jwks_url: http://b/\n",
            "FILE:5: issuers[1].jwks_url: must be an https URL without user name and fragment"
        ),
        (
            good + good.dropFirst("issuers:\n".count),
            "FILE:4: issuers[1].issuer: is in the list twice"
        ),
        (
            good.replacing("issuer: https://a.example\n", with: "issuer: https://localhost:8443\n"),
            "FILE:2: issuers[0].issuer: is the gateway's own name, which tokens.issuer is"
        ),
    ]

    @Test(arguments: rows)
    func `a fault is told with file, line and field`(_ row: (yaml: String, fault: String)) {
        #expect(faults(row.yaml) == row.fault)
    }

    @Test func `a field that there is not is told with those that there are`() {
        let told = faults(Self.good + "    jwks_uri: https://a/\n")
        #expect(told.hasPrefix("FILE:4: issuers[0].jwks_uri: is not a field of an issuer, which has issuer, jwks_url,"))
    }

    @Test func `only asymmetric algorithms can be accepted, by their exact names`() {
        for name in ["HS256", "none", "es256", "EdDSA", "[]", "[ES256, none]"] {
            #expect(
                faults(Self.good + "    algorithms: \(name)\n").contains("issuers[0].algorithms: must be a list of")
            )
        }
    }

    @Test func `a password in a URL is not taken, and not repeated`() {
        let told = faults("issuers:\n  - issuer: a\n    jwks_url: https://user:secret@a.example/jwks\n")
        #expect(told.contains("jwks_url") && !told.contains("secret"))
    }

    @Test func `the environment cannot give a list, and may rename the gateway into a conflict`() {
        #expect(
            faults("", environment: ["TOLLGATE_ISSUERS": "a"]).contains("TOLLGATE_ISSUERS: issuers: must be a list")
        )
        let told = faults(Self.good, environment: ["TOLLGATE_TOKENS_ISSUER": "https://a.example"])
        #expect(told.contains("issuers[0].issuer: is the gateway's own name"))
    }
}
