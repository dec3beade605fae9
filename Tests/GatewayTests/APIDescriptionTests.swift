// SPDX-License-Identifier: Apache-2.0

import APIDescription
import GatewayCore
import HTTP
import Testing
import Yams

@testable import Gateway

/// What `/openapi.yaml` says, against the routes of the program, in both directions.
@Suite struct APIDescriptionTests {
    /// A call as `GET /livez`, its path's parameters filled in.
    private typealias Call = String
    private typealias Operation = [String: Any]

    private static let values = [
        "model": "digits", "version": "1", "label": "stable", "tenant": "acme", "plan": "small", "key": "Ab3dE6gH",
        "token": "jti-1", "hold": "Ab3dE6gH", "name": "tollgate", "level": "0", "tile": "000", "width": "7",
    ]

    private let document: [String: Any]

    init() throws {
        let text = String(decoding: APIDescription.yaml, as: UTF8.self)
        document = try #require(try Yams.load(yaml: text) as? [String: Any])
    }

    @Test(arguments: [ListenerKind.tenant, .management])
    func `every call of a listener is described, and nothing else is`(_ listener: ListenerKind) throws {
        let described = Set(try operations(on: listener).keys)
        let served = Self.calls(on: listener)
        #expect(served.subtracting(described).sorted() == [], "not in config/openapi.yaml")
        #expect(described.subtracting(served).sorted() == [], "not served")
    }

    @Test(arguments: [ListenerKind.tenant, .management])
    func `the scope that a call needs is the one described`(_ listener: ListenerKind) throws {
        for (call, operation) in try operations(on: listener) {
            let parts = call.split(separator: " ").map(String.init)
            let route = try #require(Route.find(parts[1], on: listener))
            let method = try #require(route.methods.first { $0.name.description == parts[0] })
            let security = try #require(operation["security"] as? [[String: [String]]])
            guard let scope = route.scope(method) else {
                #expect(operation["x-scope"] == nil, "\(call)")
                // OAuth's clients may stand in the form too.
                #expect(security.map { Array($0.keys) } == (route.isOAuth ? [["basic"], []] : []), "\(call)")
                continue
            }
            #expect(security.map { Array($0.keys) } == [["bearer"]], "\(call)")
            // What differs between the listeners is in words.
            guard route.template != "/audit/proof" else { continue }
            #expect(operation["x-scope"] as? String == scope.description, "\(call)")
        }
    }

    @Test func `every reason code is described`() throws {
        let components = try #require(document["components"] as? [String: Any])
        let schemas = try #require(components["schemas"] as? [String: [String: Any]])
        let codes = try #require(schemas["ReasonCode"]?["enum"] as? [String])
        #expect(Set(codes) == Set(ReasonCode.allCases.map(\.rawValue)))
    }

    @Test func `both listeners answer with the description, from the same place`() {
        #expect(Route.find("/openapi.yaml", on: .tenant) == .description)
        #expect(Route.find("/openapi.yaml", on: .management) == .description)
    }

    // MARK: - Described

    private func operations(on listener: ListenerKind) throws -> [Call: Operation] {
        var found: [Call: Operation] = [:]
        let paths = try #require(document["paths"] as? [String: [String: Any]])
        for (path, item) in paths {
            for case (let verb, let operation as Operation) in item {
                let listeners = try #require(operation["x-listener"] as? [String], "\(verb) \(path)")
                guard listeners.contains(listener.rawValue) else { continue }
                found["\(verb.uppercased()) \(Self.filled(path))"] = operation
            }
        }
        return found
    }

    private static func filled(_ template: String) -> String {
        values.reduce(template) { $0.replacing("{\($1.key)}", with: $1.value) }
    }

    // MARK: - Served

    /// HEAD is where GET is, and is not described.
    private static func calls(on listener: ListenerKind) -> Set<Call> {
        var calls: Set<Call> = []
        for path in sequence(first: nil, next: { next($0).map(Optional.some) }).dropFirst().compactMap(\.self)
            .flatMap(paths)
        {
            guard let route = Route.find(path, on: listener) else { continue }
            #expect(route.methods.contains(.head) == route.methods.contains(.get), "\(path)")
            for method in route.methods where method != .head { calls.insert("\(method.name) \(path)") }
        }
        return calls
    }

    /// The paths that lead to a route: its template's, and those that name a version besides.
    private static func paths(of route: Route) -> [String] {
        switch route {
        case .inference(let inference) where inference.call == .statistics:
            return ["/v2/models/stats"] + versions(of: route.template)
        case .inference, .predict, .modelStatus: return versions(of: route.template)
        case .auditLog(.tile): return ["/audit/log/tile/0/000", "/audit/log/tile/0/000.p/7"]
        default: return [filled(route.template)]
        }
    }

    private static func versions(of template: String) -> [String] {
        var templates = [template]
        if template.hasPrefix("/v1/models/{model}") {
            templates.append(template.replacing("{model}", with: "{model}/versions/{version}"))
            templates.append(template.replacing("{model}", with: "{model}/labels/{label}"))
        } else if template.hasPrefix("/v2/models/{model}") {
            templates.append(template.replacing("{model}", with: "{model}/versions/{version}"))
        }
        return templates.map(filled)
    }

    /// The case behind another, and the first one behind nil: a new case does not compile before it stands here.
    private static func next(_ route: Route?) -> Route? {
        let model = ModelName("digits")!
        let tenant = TenantID("acme")!
        switch route {
        case nil: return .predictDefault
        case .predictDefault: return .predict(model, version: nil)
        case .predict: return .modelStatus(model, version: nil)
        case .modelStatus: return .inference(InferenceRoute(call: InferenceCall.allCases[0], model: model))
        case .inference(let inference):
            let following = InferenceCall.allCases.drop { $0 != inference.call }.dropFirst().first
            return following.map { .inference(InferenceRoute(call: $0, model: model)) } ?? .token
        case .token: return .revoke
        case .revoke: return .keySet
        case .keySet: return .serverMetadata(of: "")
        case .serverMetadata: return .introspect
        case .introspect: return .live
        case .live: return .ready
        case .ready: return .description
        case .description: return .auditProof(.tenant)
        case .auditProof: return .metrics
        case .metrics: return .tenants
        case .tenants: return .tenant(tenant)
        case .tenant: return .tenantRestore(tenant)
        case .tenantRestore: return .tenantLimits(tenant)
        case .tenantLimits: return .tenantAuditKey(tenant)
        case .tenantAuditKey: return .plans
        case .plans: return .plan(PlanName("small")!)
        case .plan: return .keys
        case .keys: return .key("Ab3dE6gH")
        case .key: return .keyRotate("Ab3dE6gH")
        case .keyRotate: return .keyLimits("Ab3dE6gH")
        case .keyLimits: return .tokenRevocations
        case .tokenRevocations: return .tokenRevocation("jti-1")
        case .tokenRevocation: return .models
        case .models: return .model(model)
        case .model: return .modelQuality(model)
        case .modelQuality: return .modelAction(model, ModelAction.allCases[0])
        case .modelAction(_, let action):
            let following = ModelAction.allCases.drop { $0 != action }.dropFirst().first
            return following.map { .modelAction(model, $0) } ?? .auditRecords
        case .auditRecords: return .auditLog(.checkpoint)
        case .auditLog(.checkpoint): return .auditLog(.cosigned)
        case .auditLog(.cosigned): return AuditLogFile("tile/entries/000").map(Route.auditLog)
        case .auditLog(.tile): return .auditLog(.key("tollgate.vkey"))
        case .auditLog(.key): return .auditLog(.pruned)
        case .auditLog(.pruned): return .auditRetention
        case .auditRetention: return .auditHolds
        case .auditHolds: return .auditHold("Ab3dE6gH")
        case .auditHold: return .reload
        case .reload: return .signingKeys
        case .signingKeys: return nil
        }
    }
}
