// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import GatewayCrypto
import HTTP
import Identity
import Storage

/// `/admin/v1/audit/retention`: how long records are kept and from which on they are held; `/admin/v1/audit/holds`: add,
/// list and lift legal holds; `/admin/v1/tenants/{tenant}/audit-key`: destroy the key of a tenant's personal fields.
struct RetentionAPI {
    let services: Services

    func answer(_ request: BlockingRequest) throws -> Reply {
        switch (request.route, request.method) {
        case (.auditRetention, _): return .json(state)
        case (.auditHolds, .post): return try add(request)
        case (.auditHolds, _): return .json(["holds": .array(services.retention.holds.map(\.json))])
        case (.auditHold(let id), _): return try lift(id, request)
        case (.tenantAuditKey(let id), _): return try destroyKey(of: id, request)
        default: preconditionFailure("not a route of retention: \(request.route)")
        }
    }

    private var state: JSON {
        let settings = services.configuration.audit
        let retention = services.retention
        return [
            "retention_days": .integer(Int64(settings.retentionDays)),
            "retention_bytes": .integer(Int64(settings.retentionBytes)),
            "personal_fields": .string(settings.personalFields.rawValue),
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
            guard let id = TenantID(name), try id == .system || services.directory.tenant(id) != nil || isRecorded(id)
            else {
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
            .answer(hold.json, status: 201, location: location, revision: nil, now: request.now)
        try services.store.insert(hold, answer: answer, rehearses: request.isDryRun)
        guard !request.isDryRun else {
            // There is no hold of that id, nor will be.
            let known = hold.json.members?.filter { $0.name != "id" } ?? []
            return .rehearsal(of: AdminChange(target: "audit-hold", before: nil, after: .object(known)))
        }
        services.retention.add(hold)
        var reply = Reply.json(hold.json, status: 201)
        reply.fields = [.init(.location, location)]
        reply.change = AdminChange(target: "audit-hold/\(hold.id)", before: nil, after: hold.json)
        return reply
    }

    /// Whether the log holds records of a tenant, which may be gone itself.
    private func isRecorded(_ id: TenantID) throws -> Bool {
        var query = AuditQuery(limit: 1)
        query.tenant = id.description
        return try !services.search.page(query).records.isEmpty
    }

    private func destroyKey(of id: TenantID, _ request: BlockingRequest) throws -> Reply {
        let tenant = try Reach(request, services.directory).tenant(id, now: request.now)
        guard !services.retention.isHeld(tenant.id) else {
            throw Refusal(
                .conflict,
                "The records of '\(id)' are under legal hold, and so are their keys; lift it first."
            )
        }
        guard !request.isDryRun else {
            let keys = services.personalKeys.all(of: .tenant(id)).map { JSON.string($0.id) }
            return .rehearsal(of: AdminChange(target: "audit-key/\(id)", before: ["keys": .array(keys)], after: nil))
        }
        let destroyed: [String]
        do {
            destroyed = try services.personalKeys.destroy(.tenant(id), renews: true, now: request.now)
        } catch let error as StateError {
            throw Refusal(
                .storageUnavailable,
                "Not every key could be destroyed; try again.",
                detail: "\(error)",
                retryAfter: 5
            )
        }
        let current = services.personalKeys.current(of: .tenant(id))
        let keys = JSON.array(destroyed.map(JSON.string))
        var reply = Reply.json([
            "tenant": .string(id.description), "destroyed": keys,
            "current": current.map { .string($0.id) } ?? .null,
        ])
        reply.change = AdminChange(
            target: "audit-key/\(id)",
            before: ["keys": keys],
            after: ["keys": .array(current.map { [.string($0.id)] } ?? [])]
        )
        return reply
    }

    private func lift(_ id: String, _ request: BlockingRequest) throws -> Reply {
        let hold = try services.store.delete(hold: id, rehearses: request.isDryRun)
        let change = AdminChange(target: "audit-hold/\(id)", before: hold.json, after: nil)
        guard !request.isDryRun else { return .rehearsal(of: change) }
        services.retention.lift(id)
        var reply = Reply.json(hold.json)
        reply.change = change
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
