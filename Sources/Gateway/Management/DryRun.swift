// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP

/// `?dry_run=true` on a change: all its checks are made, within the transaction that would make it, and then it is taken
/// back; nothing comes into force. Its record has the action with `.dry_run` behind, the target, and no change.
extension BlockingRequest {
    /// Refuses what a change's query may not hold. A misspelt `dry_run` must not become the deed itself.
    func checkQuery() throws(Refusal) {
        guard let query, !query.isEmpty else { return }
        let form = FormBody(query.utf8)
        guard route.canRehearse else {
            guard let form, !form.names.contains("dry_run") else {
                throw Refusal(.fieldInvalid, "This cannot be tried without being done; nothing was done.")
            }
            // Clients of the Open Inference Protocol send what they like.
            guard form.names.isEmpty || route.isOfProtocol else {
                throw Refusal(.fieldInvalid, "There are no parameters here; nothing was done.")
            }
            return
        }
        var names: Set<String> = ["dry_run"]
        if case .tenant = route, method == .delete { names.insert("grace_seconds") }
        guard let form, names.isSuperset(of: form.names) else {
            throw Refusal(
                .fieldInvalid,
                "The only parameters here are \(names.sorted().map { "'\($0)'" }.joined(separator: " and "))."
            )
        }
        if form.names.contains("dry_run"), form["dry_run"] != "true", form["dry_run"] != "false" {
            throw JSONBody.wrong("dry_run", "true or false")
        }
    }
}

extension Route {
    /// Whether a change here can be tried without being made.
    fileprivate var canRehearse: Bool {
        switch self {
        case .tenants, .tenant, .tenantRestore, .tenantLimits, .plan, .keys, .key, .keyRotate, .keyLimits, .auditHolds,
            .auditHold, .tenantAuditKey:
            true
        default: false
        }
    }

    fileprivate var isOfProtocol: Bool {
        if case .inference = self { true } else { false }
    }
}

extension Reply {
    /// The effect that a change would have had.
    ///
    /// - Parameter more: what else it would touch.
    static func rehearsal(of change: AdminChange, more: [JSON.Member] = []) -> Reply {
        var reply = Reply.json(
            .object(
                [
                    JSON.Member("dry_run", true), JSON.Member("target", .string(change.target)),
                    JSON.Member("before", change.before ?? .null), JSON.Member("after", change.after ?? .null),
                ] + more
            )
        )
        reply.change = change
        return reply
    }
}
