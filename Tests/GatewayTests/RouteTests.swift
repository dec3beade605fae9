// SPDX-License-Identifier: Apache-2.0

import GatewayCore
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
        #expect(Route.find("/admin/v1/audit/records", on: .management) == .auditRecords)
        #expect(Route.find("/predict", on: .management) == nil)
        #expect(Route.find("/admin/v1/tenants/ACME", on: .management) == nil)
        #expect(Route.find("/admin/v1/tenants/", on: .management) == nil)
        #expect(Route.find("/admin/v1/", on: .management) == nil)
    }

    @Test func `nothing but health and the token endpoint is open to strangers`() {
        let paths = ["/predict", "/oauth/token", "/v1/models/digits", "/v1/models/digits:predict"]
        for path in paths where path != "/oauth/token" { #expect(Route.find(path, on: .tenant)?.scope != nil) }
        let management = [
            "/metrics", "/admin/v1/tenants", "/admin/v1/tenants/a", "/admin/v1/plans", "/admin/v1/plans/a",
            "/admin/v1/keys", "/admin/v1/keys/a", "/admin/v1/models", "/admin/v1/audit/records",
        ]
        for path in management { #expect(Route.find(path, on: .management)?.scope != nil, "\(path)") }
    }
}
