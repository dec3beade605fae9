// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Identity
import Storage
import Synchronization

/// How long audit records are kept, as the configuration, the tenants and the legal holds have it now.
final class Retention: Sendable {
    let pruner: LogPruner
    private let state: Mutex<State>

    private struct State {
        var holds: [AuditHold]
        /// Of the tenants with a policy of their own.
        var tenantDays: [String: Int64]
        /// Counts the changes: a plan that was made before one of them is not carried out.
        var generation: UInt64 = 0
        var heldOver: Int64 = 0
        /// The time of the oldest record, and which that is.
        var oldest: (index: UInt64, time: UnixTime)?
        /// Of the gateway.
        var days: Int64 = 0

        func isHidden(_ time: UnixTime, of tenant: String?, now: UnixTime) -> Bool {
            let days = tenant.flatMap { tenantDays[$0] } ?? days
            guard days > 0, time + days * 86_400 < now else { return false }
            return !holds.contains { hold in hold.tenant.map { $0.description == tenant } ?? true }
        }
    }

    init(pruner: LogPruner, holds: [AuditHold], tenants: [Tenant]) {
        self.pruner = pruner
        var days: [String: Int64] = [:]
        for tenant in tenants { days[tenant.id.description] = tenant.auditRetentionDays }
        state = Mutex(State(holds: holds, tenantDays: days))
    }

    // MARK: - Policy

    /// The policy in force under that configuration.
    func policy(_ settings: Configuration.AuditSettings) -> (policy: RetentionPolicy, generation: UInt64) {
        state.withLock { state in
            state.days = Int64(settings.retentionDays)
            let policy = RetentionPolicy(
                days: state.days,
                bytes: Int64(settings.retentionBytes),
                tenantDays: state.tenantDays,
                isHeld: state.holds.contains { $0.tenant == nil },
                heldTenants: Set(state.holds.compactMap { $0.tenant?.description })
            )
            return (policy, state.generation)
        }
    }

    /// Takes a tenant's policy.
    func keep(recordsOf tenant: Tenant) {
        change { $0.tenantDays[tenant.id.description] = tenant.auditRetentionDays }
    }

    /// A tenant that is gone has no policy of its own.
    func forget(tenant: TenantID) { change { $0.tenantDays[tenant.description] = nil } }

    /// All legal holds.
    var holds: [AuditHold] { state.withLock { $0.holds } }

    /// Whether records of that tenant, or with nil all of them, are under hold.
    func isHeld(_ tenant: TenantID?) -> Bool {
        state.withLock { $0.holds.contains { hold in hold.tenant == nil || hold.tenant == tenant } }
    }

    /// Puts a hold in force: when this returns nothing under it goes any more.
    func add(_ hold: AuditHold) { change { $0.holds.append(hold) } }

    /// Lifts a hold.
    func lift(_ id: String) { change { $0.holds.removeAll { $0.id == id } } }

    private func change(_ body: (inout State) -> Void) {
        state.withLock { state in
            body(&state)
            state.generation += 1
        }
    }

    /// Has the plan's records gone unless something changed since it was made.
    ///
    /// - Returns: whether they are pruned now.
    func mark(_ plan: PrunePlan, generation: UInt64, record: UInt64, covered: UInt64) throws(AuditError) -> Bool {
        try state.withLock { (state) throws(AuditError) in
            guard state.generation == generation else { return false }
            try pruner.mark(plan, record: record, covered: covered)
            state.oldest = nil
            return true
        }
    }

    // MARK: - Records

    /// Whether the record of that index was pruned.
    func isPruned(_ index: UInt64) -> Bool { index < pruner.firstHeld }

    /// What is said to who asks for such a record.
    var gone: Refusal {
        Refusal(
            .recordPruned,
            "The record was pruned as the retention policy asks; records are held from \(pruner.firstHeld) on."
        )
    }

    /// Whether a record that is held because of others is older than its own policy asks: no search shows it.
    func isHidden(_ record: [UInt8], now: UnixTime) -> Bool {
        guard state.withLock({ $0.days > 0 || !$0.tenantDays.isEmpty }) else { return false }
        return record.withUnsafeBytes { bytes in
            RecordFields.read(bytes) { fields in
                guard let time = fields.time else { return false }
                let tenant = fields.tenant.map { String(decoding: $0, as: UTF8.self) }
                return state.withLock { $0.isHidden(time, of: tenant, now: now) }
            }
        }
    }

    // MARK: - For metrics

    /// Bytes over the bound that a hold keeps.
    var heldOver: Int64 {
        get { state.withLock { $0.heldOver } }
        set { state.withLock { $0.heldOver = newValue } }
    }

    /// When the oldest record that is held was made; nil while there is none.
    var oldest: UnixTime? {
        let first = pruner.firstHeld
        if let known = state.withLock({ $0.oldest }), known.index == first { return known.time }
        guard let time = pruner.time(of: first) else { return nil }
        state.withLock { $0.oldest = (first, time) }
        return time
    }
}
