// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP

extension Route {
    /// The table of what a caller must hold for a route: nil where nobody needs to say who they are, or the route finds
    /// out by itself. Which role holds what stands beside it, in `Role.scopes`; a role that is bound to a tenant sees
    /// nothing beyond it (`Reach`).
    func scope(_ method: HTTPMethod) -> ScopeSet? {
        let reads = method == .get || method == .head
        switch self {
        case .token, .revoke, .introspect, .keySet, .serverMetadata, .live, .ready, .description: return nil
        case .predictDefault, .predict: return .predict
        case .modelStatus: return .modelsRead
        case .inference(let route): return route.scope
        case .models, .model, .modelQuality: return .modelsList
        case .modelAction: return .modelsWrite
        case .metrics: return .metricsRead
        case .auditRecords, .auditProof(.management): return .auditRead
        case .auditRetention: return .retentionRead
        case .auditHolds, .auditHold: return reads ? .retentionRead : .retentionWrite
        case .tenantAuditKey: return .retentionWrite
        // Each tenant's own records alone.
        case .auditProof(.tenant): return []
        case .auditLog: return .logRead
        case .tenants, .tenant, .tenantRestore: return reads ? .tenantsRead : .tenantsWrite
        case .tenantLimits: return reads ? .tenantsRead : .limitsWrite
        case .plans, .plan: return reads ? .plansRead : .plansWrite
        case .keys, .key, .keyRotate: return reads ? .keysRead : .keysWrite
        case .keyLimits: return reads ? .keysRead : .limitsWrite
        case .tokenRevocations, .tokenRevocation: return .tokensRevoke
        case .reload, .signingKeys: return .configWrite
        }
    }
}
