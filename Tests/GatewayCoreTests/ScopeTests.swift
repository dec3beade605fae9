// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

@Suite struct ScopeTests {
    @Test func `A list of scopes is read and written in a fixed order`() {
        let scopes = ScopeSet("metrics:read predict")
        #expect(scopes == [.predict, .metricsRead])
        #expect(scopes.description == "predict metrics:read")
        #expect(ScopeSet("predict predict") == .predict)
        #expect(ScopeSet("") == [] && ScopeSet([]).description.isEmpty)
        #expect(ScopeSet("  predict  ") == .predict)
    }

    @Test func `Every set reads back as it was written`() {
        for raw in UInt32(0)..<32 {
            let scopes = ScopeSet(rawValue: raw)
            #expect(ScopeSet(scopes.description) == scopes)
            #expect(ScopeSet.unknown(in: scopes.description).isEmpty)
        }
    }

    @Test(arguments: [
        "Predict", "PREDICT", "predict,admin", "predict\tadmin", "predict\u{301}", "admin*", "*", "models",
    ])
    func `What is only like a scope gives nothing and is named as unknown`(text: String) {
        #expect(ScopeSet(text) == [])
        #expect(ScopeSet.unknown(in: text + " admin") == [text])
    }

    @Test func `No role may more than its own kind of work`() {
        #expect(Role.tenant.scopes == [.predict, .modelsRead])
        #expect(!Role.admin.scopes.contains(.predict))
        #expect(Role.auditor.scopes == .auditRead)
        #expect(Role.metrics.scopes == .metricsRead)
        for role in Role.allCases where role != .admin { #expect(!role.scopes.contains(.admin)) }
    }

    @Test func `Access to models intersects`() throws {
        let a = try #require(ModelName("a"))
        let b = try #require(ModelName("b"))
        #expect(ModelAccess.all.intersection(.only([a])) == .only([a]))
        #expect(ModelAccess.only([a, b]).intersection(.only([b])) == .only([b]))
        #expect(ModelAccess.only([a]).intersection(.only([b])) == .only([]))
        #expect(ModelAccess.all.intersection(.all) == .all)
        #expect(ModelAccess.only([a]).allows(a) && !ModelAccess.only([a]).allows(b) && ModelAccess.all.allows(b))
    }
}
