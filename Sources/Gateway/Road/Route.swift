// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP

/// Where a request goes, its path taken apart.
enum Route: Equatable {
    // Tenants.
    case predictDefault
    case predict(ModelName, version: Int64?)
    case modelStatus(ModelName, version: Int64?)
    case token
    // Both listeners.
    case live
    case ready
    /// Tenants get proofs of their own records, auditors of all.
    case auditProof(ListenerKind)
    // Management.
    case metrics
    case tenants
    case tenant(TenantID)
    case plans
    case plan(PlanName)
    case keys
    case key(String)
    case models
    case auditRecords
    case auditLog(AuditLogFile)
    case reload
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
        case .token: "/oauth/token"
        case .live: "/livez"
        case .ready: "/readyz"
        case .metrics: "/metrics"
        case .tenants: "/admin/v1/tenants"
        case .tenant: "/admin/v1/tenants/{tenant}"
        case .plans: "/admin/v1/plans"
        case .plan: "/admin/v1/plans/{plan}"
        case .keys: "/admin/v1/keys"
        case .key: "/admin/v1/keys/{key}"
        case .models: "/admin/v1/models"
        case .auditRecords: "/admin/v1/audit/records"
        case .auditProof: "/audit/proof"
        case .auditLog(.checkpoint): "/audit/log/checkpoint"
        case .auditLog(.tile): "/audit/log/tile/{tile}"
        case .auditLog(.key): "/audit/log/{name}.vkey"
        case .reload: "/admin/v1/reload"
        }
    }

    /// The methods that the route knows, as for `Allow`.
    var methods: [HTTPMethod] {
        switch self {
        case .predictDefault, .predict, .token, .reload: [.post]
        case .modelStatus, .live, .ready, .metrics, .models, .auditRecords, .auditProof, .auditLog, .plans:
            [.get, .head]
        case .tenants, .keys: [.get, .head, .post]
        case .tenant: [.get, .head, .patch]
        case .plan: [.get, .head, .put]
        case .key: [.get, .head, .delete]
        }
    }

    /// Whether the method is among them; without a list, since every request asks.
    func takes(_ method: HTTPMethod) -> Bool {
        switch self {
        case .predictDefault, .predict, .token, .reload: method == .post
        default: methods.contains(method)
        }
    }

    /// What a caller must hold; nil where nobody needs to say who they are, or the route finds out by itself.
    var scope: ScopeSet? {
        switch self {
        case .predictDefault, .predict: .predict
        case .modelStatus: .modelsRead
        case .token, .live, .ready: nil
        case .metrics: .metricsRead
        case .auditRecords, .auditLog, .auditProof(.management): .auditRead
        case .auditProof(.tenant): []
        case .tenants, .tenant, .plans, .plan, .keys, .key, .models, .reload: .admin
        }
    }

    /// The deed's name in audit records.
    func action(_ method: HTTPMethod) -> String {
        let reads = method == .get || method == .head
        switch self {
        case .predictDefault, .predict: return "predict"
        case .modelStatus: return "model.status"
        case .token: return "token.issue"
        case .live, .ready: return "health.check"
        case .metrics: return "metrics.scrape"
        case .tenants: return reads ? "tenant.list" : "tenant.create"
        case .tenant: return reads ? "tenant.show" : "tenant.update"
        case .plans: return "plan.list"
        case .plan: return reads ? "plan.show" : "plan.put"
        case .keys: return reads ? "key.list" : "key.issue"
        case .key: return reads ? "key.show" : "key.revoke"
        case .models: return "model.list"
        case .auditRecords: return "audit.search"
        case .auditProof: return "audit.proof"
        case .auditLog: return "audit.read"
        case .reload: return "config.reload"
        }
    }

    /// The media type that a body must have.
    var mediaType: StaticString {
        self == .token ? "application/x-www-form-urlencoded" : "application/json"
    }

    /// The most bytes of a body, below what the configuration allows; nil where that alone counts.
    var maxBodyBytes: Int? {
        switch self {
        case .predictDefault, .predict: nil
        case .token: 16 * 1024
        case .modelStatus, .live, .ready, .metrics, .tenants, .tenant, .plans, .plan, .keys, .key, .models,
            .auditRecords, .auditProof, .auditLog, .reload:
            256 * 1024
        }
    }

    /// Whether the route may wait for disk or derive keys, and so runs off the event loops.
    var blocks: Bool {
        switch self {
        case .predictDefault, .predict, .modelStatus, .live, .ready: false
        case .token, .metrics, .tenants, .tenant, .plans, .plan, .keys, .key, .models, .auditRecords, .auditProof,
            .auditLog, .reload:
            true
        }
    }

    /// The route of a path; nil when there is none on that listener.
    static func find(_ path: String, on listener: ListenerKind) -> Route? {
        switch path {
        case "/livez": return .live
        case "/readyz": return .ready
        case "/audit/proof": return .auditProof(listener)
        default: return listener == .tenant ? tenantRoute(path) : managementRoute(path)
        }
    }

    private static func tenantRoute(_ path: String) -> Route? {
        if path == "/predict" { return .predictDefault }
        if path == "/oauth/token" { return .token }
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
        guard path.hasPrefix("/admin/v1/") else { return nil }
        let parts = path.dropFirst("/admin/v1/".count).split(separator: "/", omittingEmptySubsequences: false)
        switch (parts.count, parts[0]) {
        case (1, "tenants"): return .tenants
        case (2, "tenants"): return TenantID(parts[1]).map(Route.tenant)
        case (1, "plans"): return .plans
        case (2, "plans"): return PlanName(parts[1]).map(Route.plan)
        case (1, "keys"): return .keys
        case (2, "keys"):
            let isID =
                (1...64).contains(parts[1].utf8.count)
                && parts[1].allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
            return isID ? .key(String(parts[1])) : nil
        case (1, "models"): return .models
        case (1, "reload"): return .reload
        case (2, "audit") where parts[1] == "records": return .auditRecords
        default: return nil
        }
    }
}
