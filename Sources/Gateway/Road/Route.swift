// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP

/// Where a request goes, its path taken apart.
enum Route: Equatable {
    // Tenants.
    case predictDefault
    case predict(ModelName, version: Int64?)
    case modelStatus(ModelName, version: Int64?)
    /// The other calls of the inference protocols.
    indirect case inference(InferenceRoute)
    case token
    case revoke
    case keySet
    /// The issuer's own path, which stands behind the well-known one (RFC 8414, section 3.1); mostly empty.
    case serverMetadata(of: String)
    // Both listeners.
    case introspect
    case live
    case ready
    /// What this API is.
    case description
    /// Tenants get proofs of their own records, auditors of all.
    case auditProof(ListenerKind)
    // Management.
    case metrics
    case tenants
    case tenant(TenantID)
    case tenantRestore(TenantID)
    case tenantLimits(TenantID)
    case tenantAuditKey(TenantID)
    case plans
    case plan(PlanName)
    case keys
    case key(String)
    case keyRotate(String)
    case keyLimits(String)
    case tokenRevocations
    case tokenRevocation(String)
    case models
    case model(ModelName)
    case modelAction(ModelName, ModelAction)
    case modelQuality(ModelName)
    case auditRecords
    case auditRetention
    case auditHolds
    case auditHold(String)
    case auditLog(AuditLogFile)
    case reload
    case signingKeys
}

/// Which of the two doors a request came through.
enum ListenerKind: String, Sendable {
    case tenant, management
}

extension Route {
    /// The route's name in metrics and records: never a path that a client made up.
    var template: String {
        switch self {
        case .predictDefault: "/predict"
        case .predict: "/v1/models/{model}:predict"
        case .modelStatus: "/v1/models/{model}"
        case .inference(let route): route.template
        case .token: "/oauth/token"
        case .revoke: "/oauth/revoke"
        case .introspect: "/oauth/introspect"
        case .keySet: "/.well-known/jwks.json"
        case .serverMetadata: "/.well-known/oauth-authorization-server"
        case .live: "/livez"
        case .ready: "/readyz"
        case .description: "/openapi.yaml"
        case .metrics: "/metrics"
        case .tenants: "/admin/v1/tenants"
        case .tenant: "/admin/v1/tenants/{tenant}"
        case .tenantRestore: "/admin/v1/tenants/{tenant}/restore"
        case .tenantLimits: "/admin/v1/tenants/{tenant}/limits"
        case .tenantAuditKey: "/admin/v1/tenants/{tenant}/audit-key"
        case .plans: "/admin/v1/plans"
        case .plan: "/admin/v1/plans/{plan}"
        case .keys: "/admin/v1/keys"
        case .key: "/admin/v1/keys/{key}"
        case .keyRotate: "/admin/v1/keys/{key}/rotate"
        case .keyLimits: "/admin/v1/keys/{key}/limits"
        case .tokenRevocations: "/admin/v1/tokens/revoke"
        case .tokenRevocation: "/admin/v1/tokens/{token}"
        case .models: "/admin/v1/models"
        case .model: "/admin/v1/models/{model}"
        case .modelAction(_, let action): "/admin/v1/models/{model}/\(action.rawValue)"
        case .modelQuality: "/admin/v1/models/{model}/quality"
        case .auditRecords: "/admin/v1/audit/records"
        case .auditRetention: "/admin/v1/audit/retention"
        case .auditHolds: "/admin/v1/audit/holds"
        case .auditHold: "/admin/v1/audit/holds/{hold}"
        case .auditProof: "/audit/proof"
        case .auditLog(.checkpoint): "/audit/log/checkpoint"
        case .auditLog(.cosigned): "/audit/log/checkpoint.cosigned"
        case .auditLog(.tile): "/audit/log/tile/{tile}"
        case .auditLog(.key): "/audit/log/{name}.vkey"
        case .auditLog(.pruned): "/audit/log/pruned"
        case .reload: "/admin/v1/reload"
        case .signingKeys: "/admin/v1/signing-keys"
        }
    }

    /// The methods that the route knows, as for `Allow`.
    var methods: [HTTPMethod] {
        switch self {
        case .predictDefault, .predict, .token, .revoke, .introspect, .reload, .tenantRestore, .keyRotate,
            .tokenRevocations:
            [.post]
        case .modelStatus, .live, .ready, .description, .metrics, .models, .model, .modelQuality, .auditRecords,
            .auditProof, .auditLog, .auditRetention, .plans, .keySet, .serverMetadata:
            [.get, .head]
        case .tenants, .keys, .signingKeys, .auditHolds: [.get, .head, .post]
        case .tenant, .key: [.get, .head, .patch, .delete]
        case .tenantLimits, .keyLimits: [.get, .head, .put]
        case .plan: [.get, .head, .put, .delete]
        case .tokenRevocation, .auditHold, .tenantAuditKey: [.delete]
        case .modelAction(_, .canary), .modelAction(_, .shadow): [.put, .delete]
        case .modelAction: [.post]
        case .inference(let route): route.methods
        }
    }

    /// Whether the method is among them; without a list, since every request asks.
    func takes(_ method: HTTPMethod) -> Bool {
        switch self {
        case .predictDefault, .predict, .token, .revoke, .introspect, .reload: method == .post
        default: methods.contains(method)
        }
    }

    /// The deed's name in audit records.
    func action(_ method: HTTPMethod) -> String {
        let reads = method == .get || method == .head
        switch self {
        case .predictDefault, .predict: return "predict"
        case .modelStatus: return "model.status"
        case .inference(let route): return route.action
        case .token: return "token.issue"
        case .revoke: return "token.revoke"
        case .introspect: return "token.introspect"
        case .keySet: return "key_set.show"
        case .serverMetadata: return "server_metadata.show"
        case .live, .ready: return "health.check"
        case .description: return "description.show"
        case .metrics: return "metrics.scrape"
        case .tenants: return reads ? "tenant.list" : "tenant.create"
        case .tenant: return reads ? "tenant.show" : method == .delete ? "tenant.delete" : "tenant.update"
        case .tenantRestore: return "tenant.restore"
        case .tenantLimits: return reads ? "tenant.limits.show" : "tenant.limits.put"
        case .tenantAuditKey: return "audit.key.destroy"
        case .plans: return "plan.list"
        case .plan: return reads ? "plan.show" : method == .delete ? "plan.delete" : "plan.put"
        case .keys: return reads ? "key.list" : "key.issue"
        case .key: return reads ? "key.show" : method == .delete ? "key.revoke" : "key.update"
        case .keyRotate: return "key.rotate"
        case .keyLimits: return reads ? "key.limits.show" : "key.limits.put"
        case .tokenRevocations, .tokenRevocation: return "token.revoke"
        case .models: return "model.list"
        case .model: return "model.show"
        case .modelAction(_, let action): return "model.\(action.rawValue)"
        case .modelQuality: return "model.quality"
        case .auditRecords: return "audit.search"
        case .auditRetention: return "audit.retention.show"
        case .auditHolds: return reads ? "audit.hold.list" : "audit.hold.add"
        case .auditHold: return "audit.hold.remove"
        case .auditProof: return "audit.proof"
        case .auditLog: return "audit.read"
        case .reload: return "config.reload"
        case .signingKeys: return reads ? "signing_key.list" : "signing_key.rotate"
        }
    }

    /// Whether clients authenticate and are refused there as OAuth has it (RFC 6749, sections 2.3.1 and 5.2).
    var isOAuth: Bool {
        switch self {
        case .token, .revoke, .introspect: true
        default: false
        }
    }

    /// The media type that a body must have; nil where any will do: clients of the inference protocols send what they like.
    var mediaType: StaticString? {
        switch self {
        case .token, .revoke, .introspect: "application/x-www-form-urlencoded"
        case .predict, .inference: nil
        default: "application/json"
        }
    }

    /// The most bytes of a body, below what the configuration allows; nil where that alone counts.
    var maxBodyBytes: Int? {
        switch self {
        case .predictDefault, .predict: nil
        case .inference(let route): route.takesTensors ? nil : 256 * 1024
        case .token, .revoke, .introspect: 16 * 1024
        default: 256 * 1024
        }
    }

    /// Whether the body is tensors, which may come in a content coding, and so may the answer.
    var takesTensors: Bool {
        switch self {
        case .predictDefault, .predict: true
        case .inference(let route): route.takesTensors
        default: false
        }
    }

    /// Whether the route may wait for disk or derive keys, and so runs off the event loops.
    var blocks: Bool {
        switch self {
        case .predictDefault, .predict, .modelStatus, .live, .ready, .keySet, .serverMetadata: false
        case .inference(let route): route.blocks
        default: true
        }
    }

    /// Whether it may wait for models to load, which must not hold other admins up.
    var changesModels: Bool {
        switch self {
        case .modelAction: true
        case .inference(let route): route.blocks
        default: false
        }
    }

    /// The route of a path; nil when there is none on that listener.
    static func find(_ path: String, on listener: ListenerKind) -> Route? {
        switch path {
        case "/livez": return .live
        case "/readyz": return .ready
        case "/openapi.yaml": return .description
        case "/audit/proof": return .auditProof(listener)
        case "/oauth/introspect": return .introspect
        default: return listener == .tenant ? tenantRoute(path) : managementRoute(path)
        }
    }

    private static let serverMetadataPath = "/.well-known/oauth-authorization-server"

    private static func tenantRoute(_ path: String) -> Route? {
        if path == "/predict" { return .predictDefault }
        switch path {
        case "/oauth/token": return .token
        case "/oauth/revoke": return .revoke
        case "/.well-known/jwks.json": return .keySet
        default: break
        }
        if path.hasPrefix(Self.serverMetadataPath) {
            let rest = path.dropFirst(Self.serverMetadataPath.count)
            return rest.isEmpty || rest.hasPrefix("/") ? .serverMetadata(of: String(rest)) : nil
        }
        return serving(path) ?? InferenceRoute.find(path, on: .tenant).map(Route.inference)
    }

    /// The calls of TensorFlow Serving that most clients make.
    private static func serving(_ path: String) -> Route? {
        guard path.hasPrefix("/v1/models/") else { return nil }
        var rest = path.dropFirst("/v1/models/".count)
        let isPredict = rest.hasSuffix(":predict")
        if isPredict { rest.removeLast(":predict".count) }
        let parts = rest.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, let name = ModelName(first) else { return nil }
        var version: Int64?
        switch parts.count {
        case 1: break
        case 3 where parts[1] == "versions":
            guard let number = Int64(parts[2]), number >= 0, parts[2].utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) else {
                return nil
            }
            version = number
        default: return nil
        }
        return isPredict ? .predict(name, version: version) : .modelStatus(name, version: version)
    }

    private static func managementRoute(_ path: String) -> Route? {
        if path == "/metrics" { return .metrics }
        if path.hasPrefix("/audit/log/") {
            return AuditLogFile(path.dropFirst("/audit/log/".count)).map(Route.auditLog)
        }
        if let route = InferenceRoute.find(path, on: .management) { return .inference(route) }
        guard path.hasPrefix("/admin/v1/") else { return nil }
        let parts = path.dropFirst("/admin/v1/".count).split(separator: "/", omittingEmptySubsequences: false)
        switch (parts.count, parts[0]) {
        case (1, "tenants"): return .tenants
        case (2, "tenants"): return TenantID(parts[1]).map(Route.tenant)
        case (3, "tenants"):
            switch parts[2] {
            case "restore": return TenantID(parts[1]).map(Route.tenantRestore)
            case "limits": return TenantID(parts[1]).map(Route.tenantLimits)
            case "audit-key": return TenantID(parts[1]).map(Route.tenantAuditKey)
            default: return nil
            }
        case (1, "plans"): return .plans
        case (2, "plans"): return PlanName(parts[1]).map(Route.plan)
        case (1, "keys"): return .keys
        case (2, "keys"): return keyID(parts[1]).map(Route.key)
        case (3, "keys"):
            switch parts[2] {
            case "rotate": return keyID(parts[1]).map(Route.keyRotate)
            case "limits": return keyID(parts[1]).map(Route.keyLimits)
            default: return nil
            }
        case (2, "tokens"):
            return parts[1] == "revoke" ? .tokenRevocations : tokenID(parts[1]).map(Route.tokenRevocation)
        case (1, "models"): return .models
        case (2, "models"): return ModelName(parts[1]).map(Route.model)
        case (3, "models"):
            if parts[2] == "quality" { return ModelName(parts[1]).map(Route.modelQuality) }
            guard let action = ModelAction(rawValue: String(parts[2])) else { return nil }
            return ModelName(parts[1]).map { .modelAction($0, action) }
        case (1, "reload"): return .reload
        case (1, "signing-keys"): return .signingKeys
        case (2, "audit"):
            switch parts[1] {
            case "records": return .auditRecords
            case "retention": return .auditRetention
            case "holds": return .auditHolds
            default: return nil
            }
        case (3, "audit") where parts[1] == "holds": return keyID(parts[2]).map(Route.auditHold)
        default: return nil
        }
    }

    private static func keyID(_ text: Substring) -> String? {
        let isID = (1...64).contains(text.utf8.count) && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
        return isID ? String(text) : nil
    }

    /// As the gateway's own: others may hold what a path cannot.
    private static func tokenID(_ text: Substring) -> String? {
        let isID =
            (1...128).contains(text.utf8.count)
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
        return isID ? String(text) : nil
    }
}
