// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import GatewayCrypto
import HTTP
import Identity
import Storage

/// `/admin/v1/audit/retention`: how long records are kept and from which on they are held; `/admin/v1/audit/holds`: add,
/// list and lift legal holds.
struct RetentionAPI {
    let services: Services

    func answer(_ request: BlockingRequest) throws -> Reply {
        switch (request.route, request.method) {
        case (.auditRetention, _): return .json(state)
        case (.auditHolds, .post): return try add(request)
        case (.auditHolds, _): return .json(["holds": .array(services.retention.holds.map(\.json))])
        case (.auditHold(let id), _): return try lift(id)
        default: preconditionFailure("not a route of retention: \(request.route)")
        }
    }

    private var state: JSON {
        let settings = services.configuration.audit
        let retention = services.retention
        return [
            "retention_days": .integer(Int64(settings.retentionDays)),
            "retention_bytes": .integer(Int64(settings.retentionBytes)),
            "first_kept": .integer(Int64(retention.pruner.firstHeld)),
            "first_kept_at": retention.oldest.map { .string($0.description) } ?? .null,
            "log_size": .integer(Int64(services.audit.size)), "holds": .integer(Int64(retention.holds.count)),
            "held_over_limit_bytes": .integer(retention.heldOver),
        ]
    }

    private func add(_ request: BlockingRequest) throws -> Reply {
        let body = try JSONBody(request.body, fields: ["tenant", "reason"])
        guard let reason = try body.string("reason"), reason.contains(where: { !$0.isWhitespace }) else {
            throw JSONBody.missing("reason", "why, as a case's number")
        }
        var tenant: TenantID?
        if let name = try body.string("tenant") {
            guard let id = TenantID(name), id == .system || services.directory.tenant(id) != nil else {
                throw Refusal(.notFound, "There is no tenant '\(name.prefix(63))'.")
            }
            tenant = id
        }
        let hold = AuditHold(
            id: Hexadecimal.text(SecureRandom.bytes(8)),
            tenant: tenant,
            reason: reason,
            createdAt: request.now,
            createdBy: request.principal?.keyID ?? ""
        )
        let location = "/admin/v1/audit/holds/\(hold.id)"
        let answer = try IdempotentCall(request)?
            .answer(hold.json, status: 201, location: location, revision: 1, now: request.now)
        try services.store.insert(hold, answer: answer)
        services.retention.add(hold)
        var reply = Reply.json(hold.json, status: 201)
        reply.fields = [.init(.location, location)]
        reply.change = AdminChange(target: "audit-hold/\(hold.id)", before: nil, after: hold.json)
        return reply
    }

    private func lift(_ id: String) throws -> Reply {
        let hold = try services.store.delete(hold: id)
        services.retention.lift(id)
        var reply = Reply.json(hold.json)
        reply.change = AdminChange(target: "audit-hold/\(id)", before: hold.json, after: nil)
        return reply
    }
}

extension AuditHold {
    fileprivate var json: JSON {
        [
            "id": .string(id), "tenant": tenant.map { .string($0.description) } ?? .null, "reason": .string(reason),
            "created_at": .string(createdAt.description), "created_by": .string(createdBy),
        ]
    }
}
