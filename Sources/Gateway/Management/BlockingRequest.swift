// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP
import Identity
import Storage
import Synchronization
import Telemetry

/// A request whose answer may wait for the disk, as a thread of the pool gets it.
struct BlockingRequest: Sendable {
    let route: Route
    let method: HTTPMethod
    /// Of the target, as sent.
    let query: String?
    let accept: String?
    /// Only on the route that reads it itself.
    let authorization: String?
    let ifMatch: String?
    let ifNoneMatch: String?
    let idempotencyKey: String?
    /// The change is checked to the end, told, and not made.
    let isDryRun: Bool
    /// Where the request comes from.
    let address: IPAddress?
    let body: [UInt8]
    /// nil on routes that identify their callers themselves.
    let principal: Principal?
    let now: UnixTime
}

/// What came of it.
struct BlockingOutcome: Sendable {
    var reply: Reply
    /// Whom the route identified itself.
    var principal: Principal?
    /// A token just issued, which needs no verification any more.
    var minted: MintedToken?
    /// The directory's generation that `minted` was made under.
    var generation: UInt64 = 0
}

extension Services {
    /// Performs a blocking request; never on an event loop.
    func perform(_ request: BlockingRequest) -> BlockingOutcome {
        do {
            // Reading may go on beside a change.
            guard request.method == .get || request.method == .head || request.route.isOAuth else {
                try request.checkQuery()
                // Nobody waits for models to load but those who change them.
                if request.route.changesModels { return try answer(request) }
                return try administration.withLock { _ in
                    if let replay = try IdempotentCall(request)?.replay(self, now: request.now) {
                        return BlockingOutcome(reply: replay)
                    }
                    return try answer(request)
                }
            }
            return try answer(request)
        } catch {
            return BlockingOutcome(reply: .refused(refusal(for: error, at: request.route)))
        }
    }

    /// What a caller is told of an error, whatever it is.
    func refusal(for error: any Error, at route: Route) -> Refusal {
        switch error {
        case let refusal as Refusal: return refusal
        case let error as StorageError: return refusal(for: error)
        default:
            log.error("a request failed", ["route": .string(route.template), "error": .string("\(error)")])
            return Refusal(.internalError, "The gateway could not answer this.", detail: "\(error)")
        }
    }

    private func answer(_ request: BlockingRequest) throws -> BlockingOutcome {
        switch request.route {
        case .token, .revoke, .introspect: return OAuthAPI(services: self).answer(request)
        case .metrics: return BlockingOutcome(reply: exposition(request))
        case .tenants, .tenant, .tenantRestore: return .init(reply: try TenantsAPI(services: self).answer(request))
        case .tenantLimits, .keyLimits: return .init(reply: try LimitsAPI(services: self).answer(request))
        case .plans, .plan: return .init(reply: try PlansAPI(services: self).answer(request))
        case .keys, .key, .keyRotate: return .init(reply: try KeysAPI(services: self).answer(request))
        case .tokenRevocations, .tokenRevocation: return .init(reply: try TokensAPI(services: self).revoke(request))
        case .models: return BlockingOutcome(reply: modelList())
        case .model(let name): return BlockingOutcome(reply: .json(try model(name)))
        case .modelQuality(let name):
            return BlockingOutcome(reply: try QualityAPI(services: self).answer(name, request))
        case .modelAction(let name, let action):
            return BlockingOutcome(reply: try ModelsAPI(services: self).answer(name, action, request))
        case .auditRecords: return BlockingOutcome(reply: try AuditAPI(services: self).search(request))
        case .auditRetention, .auditHolds, .auditHold, .tenantAuditKey:
            return BlockingOutcome(reply: try RetentionAPI(services: self).answer(request))
        case .auditLog(let file): return BlockingOutcome(reply: try TransparencyAPI(services: self).serve(file))
        case .auditProof:
            // Whoever is bound to a tenant gets proofs of its records alone, on either listener.
            let tenant = request.principal.flatMap { $0.role.isBoundToTenant ? $0.tenant : nil }
            return BlockingOutcome(reply: try TransparencyAPI(services: self).proof(request.query, of: tenant))
        case .reload:
            _ = try JSONBody(request.body, fields: [])
            return BlockingOutcome(reply: reload())
        case .description: return BlockingOutcome(reply: DescriptionDocument.answer(request))
        case .inference(let route): return BlockingOutcome(reply: try ModelsAPI(services: self).answer(route))
        case .signingKeys: return BlockingOutcome(reply: try SigningKeysAPI(services: self).answer(request))
        case .predictDefault, .predict, .modelStatus, .live, .ready, .keySet, .serverMetadata:
            preconditionFailure("\(request.route) is answered on the event loop")
        }
    }

    private func exposition(_ request: BlockingRequest) -> Reply {
        let openMetrics = request.accept?.contains("application/openmetrics-text") == true
        let format: ExpositionFormat = openMetrics ? .openMetrics : .prometheus
        return Reply(status: 200, contentType: format.contentType, body: metrics.registry.exposition(format))
    }

    private static func sentence(_ error: StorageError) -> String {
        let text = "\(error)"
        return text.prefix(1).uppercased() + text.dropFirst() + "."
    }

    private func refusal(for error: StorageError) -> Refusal {
        switch error {
        case .exists, .inUse, .revisionConflict: Refusal(.conflict, Self.sentence(error))
        case .notFound: Refusal(.notFound, Self.sentence(error))
        case .gap, .newerSchema, .foreign, .damaged, .inaccessible, .closed, .full, .busy, .failed:
            Refusal(
                .storageUnavailable,
                "The gateway's database cannot be used now. Try again later.",
                detail: "\(error)",
                retryAfter: 5
            )
        }
    }
}

extension Refusal {
    /// A key that counts elsewhere.
    static func address(of principal: Principal) -> Refusal {
        Refusal(
            .addressForbidden,
            "The API key \(principal.keyID ?? "") may not be used from this address.",
            detail: "networks \((principal.networks ?? []).map(\.description).joined(separator: " "))"
        )
    }
}
