// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP
import Testing

@testable import Gateway

@Suite struct RouteTests {
    private let digits = ModelName("digits")!

    @Test func `the tenants' paths lead where they say`() {
        #expect(Route.find("/predict", on: .tenant) == .predictDefault)
        #expect(Route.find("/oauth/token", on: .tenant) == .token)
        #expect(Route.find("/v1/models/digits:predict", on: .tenant) == .predict(digits, version: nil))
        #expect(Route.find("/v1/models/digits/versions/3:predict", on: .tenant) == .predict(digits, version: 3))
        #expect(Route.find("/v1/models/digits", on: .tenant) == .modelStatus(digits, version: nil))
        #expect(Route.find("/v1/models/digits/versions/3", on: .tenant) == .modelStatus(digits, version: 3))
        #expect(Route.find("/livez", on: .tenant) == .live)
        #expect(Route.find("/oauth/revoke", on: .tenant) == .revoke)
        #expect(Route.find("/oauth/introspect", on: .tenant) == .introspect)
        #expect(Route.find("/.well-known/jwks.json", on: .tenant) == .keySet)
        let metadata = "/.well-known/oauth-authorization-server"
        #expect(Route.find(metadata, on: .tenant) == .serverMetadata(of: ""))
        #expect(Route.find("\(metadata)/issuer/one", on: .tenant) == .serverMetadata(of: "/issuer/one"))
        #expect(Route.find("\(metadata)-2", on: .tenant) == nil)
    }

    @Test(arguments: [
        "/", "/predict/", "/Predict", "/v1/models/", "/v1/models/a b", "/v1/models/..:predict",
        "/v1/models/a%2Fb:predict",
        "/v1/models/digits/versions/:predict", "/v1/models/digits/versions/+1:predict",
        "/v1/models/digits/versions/99999999999999999999:predict", "/v1/models/digits/labels/:predict", "/metrics",
        "/admin/v1/tenants", "//predict",
    ])
    func `other paths lead nowhere on the tenants' listener`(_ path: String) {
        #expect(Route.find(path, on: .tenant) == nil)
    }

    @Test func `the management's paths lead where they say`() {
        #expect(Route.find("/metrics", on: .management) == .metrics)
        #expect(Route.find("/admin/v1/tenants", on: .management) == .tenants)
        #expect(Route.find("/admin/v1/tenants/acme", on: .management) == .tenant(TenantID("acme")!))
        #expect(Route.find("/admin/v1/keys/Ab3dE6gH", on: .management) == .key("Ab3dE6gH"))
        #expect(Route.find("/admin/v1/models", on: .management) == .models)
        #expect(Route.find("/admin/v1/models/digits", on: .management) == .model(digits))
        for action in ModelAction.allCases {
            let route = Route.find("/admin/v1/models/digits/\(action.rawValue)", on: .management)
            #expect(route == .modelAction(digits, action))
        }
        #expect(Route.find("/admin/v1/models/digits/delete", on: .management) == nil)
        #expect(Route.find("/admin/v1/models/../load", on: .management) == nil)
        #expect(Route.find("/admin/v1/audit/records", on: .management) == .auditRecords)
        #expect(Route.find("/admin/v1/signing-keys", on: .management) == .signingKeys)
        #expect(Route.find("/oauth/introspect", on: .management) == .introspect)
        #expect(Route.find("/oauth/token", on: .management) == nil)
        #expect(Route.find("/oauth/revoke", on: .management) == nil)
        #expect(Route.find("/predict", on: .management) == nil)
        #expect(Route.find("/admin/v1/tenants/ACME", on: .management) == nil)
        #expect(Route.find("/admin/v1/tenants/", on: .management) == nil)
        #expect(Route.find("/admin/v1/", on: .management) == nil)
    }

    @Test func `what hangs on a tenant or key leads where it says`() {
        let acme = TenantID("acme")!
        #expect(Route.find("/admin/v1/tenants/acme/restore", on: .management) == .tenantRestore(acme))
        #expect(Route.find("/admin/v1/tenants/acme/limits", on: .management) == .tenantLimits(acme))
        #expect(Route.find("/admin/v1/tenants/acme/keys", on: .management) == nil)
        #expect(Route.find("/admin/v1/keys/Ab3dE6gH/rotate", on: .management) == .keyRotate("Ab3dE6gH"))
        #expect(Route.find("/admin/v1/keys/Ab3dE6gH/limits", on: .management) == .keyLimits("Ab3dE6gH"))
        #expect(Route.find("/admin/v1/tokens/revoke", on: .management) == .tokenRevocations)
        #expect(Route.find("/admin/v1/tokens/Yk3v_n-1", on: .management) == .tokenRevocation("Yk3v_n-1"))
        #expect(Route.find("/admin/v1/tokens/a.b", on: .management) == nil)
    }

    @Test func `nothing but health and the token endpoint is open to strangers`() {
        for path in ["/predict", "/v1/models/digits", "/v1/models/digits:predict"] {
            #expect(Route.find(path, on: .tenant)?.scope(.post) != nil)
        }
        let management = [
            "/metrics", "/admin/v1/tenants", "/admin/v1/tenants/a", "/admin/v1/tenants/a/limits",
            "/admin/v1/tenants/a/restore", "/admin/v1/plans", "/admin/v1/plans/a", "/admin/v1/keys", "/admin/v1/keys/a",
            "/admin/v1/keys/a/rotate", "/admin/v1/keys/a/limits", "/admin/v1/tokens/revoke", "/admin/v1/tokens/a",
            "/admin/v1/models", "/admin/v1/audit/records", "/admin/v1/reload", "/admin/v1/signing-keys",
        ]
        for path in management {
            guard let route = Route.find(path, on: .management) else {
                Issue.record("nothing at \(path)")
                continue
            }
            for method in route.methods { #expect(route.scope(method) != nil, "\(method) \(path)") }
        }
    }
}
