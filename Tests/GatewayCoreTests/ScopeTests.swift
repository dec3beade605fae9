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
        for raw in UInt32(0)..<(1 << 15) {
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
        #expect(Role.metrics.scopes == .metricsRead)
        let writing: ScopeSet = [.tenantsWrite, .plansWrite, .limitsWrite, .keysWrite, .tokensRevoke, .configWrite]
        #expect(Role.auditor.scopes.isDisjoint(with: writing))
        #expect(Role.operator.scopes.intersection(writing) == [.plansWrite, .limitsWrite])
        #expect(Role.tenantAdmin.scopes.intersection(writing) == .keysWrite)
        for role in Role.allCases where role != .admin { #expect(!role.scopes.contains(.admin)) }
        for role in Role.allCases {
            #expect(role.scopes.contains(.auditRead) == (role == .auditor || role == .tenantAdmin))
        }
    }

    @Test func `Admin stands for all of the management's scopes, and is what is stored of them`() {
        #expect(ScopeSet("admin").expanded == [.admin, .management])
        #expect(ScopeSet("predict").expanded == .predict)
        #expect(Role.admin.scopes.compacted == [.admin, .modelsRead])
        #expect(Role.admin.scopes.compacted.expanded == Role.admin.scopes)
        #expect(ScopeSet("tenants:read keys:write").compacted == [.tenantsRead, .keysWrite])
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
