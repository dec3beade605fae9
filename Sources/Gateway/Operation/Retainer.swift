// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Identity
import Storage
import Synchronization
import Telemetry

/// Prunes the audit log as its policy asks, step by step on the housekeeping thread.
struct Retainer {
    private let services: Services
    private let sealed = WaitableQueue<Void>(capacity: 4)
    private let mailbox: Mailbox
    private var lookedAt = UnixTime(nanoseconds: 0)
    private var prunedAt = UnixTime(nanoseconds: 0)
    private var forgotAt = UnixTime(nanoseconds: 0)
    private var segmentedAt = UnixTime(nanoseconds: 0)
    private var keptAt = UnixTime(nanoseconds: 0)
    private var sweptAt = UnixTime(nanoseconds: 0)
    private var fault: String?
    private var isOver = false
    /// How far the records of tenants that keep less than others were taken out of the index.
    private var forgotten: [String: UInt64]?

    /// Seconds between two looks, between two notes of what was pruned, and between two looks at all of the index.
    private static let lookPeriod: Int64 = 1
    private static let prunePeriod: Int64 = 60
    private static let sweepPeriod: Int64 = 3600
    /// Bundles in one step: others wait for the thread.
    private static let bundles = 64
    /// Seconds after which a segment of the journal is ended though it is not full.
    private static let segmentSeconds: Int64 = 86_400
    /// How long a checkpoint is waited for, in nanoseconds.
    private static let patience: Int64 = 5_000_000_000

    init(_ services: Services) {
        self.services = services
        mailbox = Mailbox { [sealed] in _ = sealed.put(()) }
    }

    /// Does what is due; what keeps it from that is in the log once, and the next step tries again.
    mutating func step(_ now: UnixTime) {
        guard now >= lookedAt + Self.lookPeriod || now < lookedAt else { return }
        lookedAt = now
        do {
            try work(now)
            fault = nil
        } catch {
            let text = "\(error)"
            if text != fault { services.log.error("the audit log cannot be pruned", ["error": .string(text)]) }
            fault = text
        }
    }

    private mutating func work(_ now: UnixTime) throws {
        let (policy, generation) = services.retention.policy(services.configuration.audit)
        try keepKeys(now)
        guard try clean(now) else { return }
        try forgetTenants(policy, now)
        guard policy.prunes, let checkpoint = services.integrator.published?.checkpoint else { return }
        if now >= segmentedAt + Self.prunePeriod || now < segmentedAt {
            segmentedAt = now
            services.retention.pruner.beginSegment(ifBegunBefore: now + -Self.segmentSeconds)
        }
        guard now >= prunedAt + Self.prunePeriod || now < prunedAt else { return }
        let plan = try services.retention.pruner.plan(
            policy,
            now: now,
            checkpoint: checkpoint,
            needed: services.search.index.indexedSize
        )
        note(heldOver: plan.heldOver)
        guard plan.end > plan.from else { return }
        prunedAt = now
        // The next start replays the log from there.
        if services.ledger.savedSize < plan.end { try services.ledger.finish() }
        guard services.ledger.savedSize >= plan.end else { return }
        guard let record = write(plan, policy, now) else { return }
        try prune(plan, generation, record)
        _ = try clean(now)
    }

    private func prune(_ plan: PrunePlan, _ generation: UInt64, _ record: UInt64) throws {
        guard services.integrator.waitUntilCovered(record + 1, nanoseconds: Self.patience),
            let covered = services.integrator.published?.checkpoint.size,
            try services.retention.mark(plan, generation: generation, record: record, covered: covered)
        else { return services.log.warning("nothing was pruned: the policy changed, or no checkpoint came") }
        services.log.info(
            "audit records were pruned",
            [
                "from": .integer(Int64(plan.from)), "first_kept": .integer(Int64(plan.end)),
                "rule": .string(plan.rule?.rawValue ?? ""), "record": .integer(Int64(record)),
            ]
        )
    }

    /// Records what is to be pruned.
    ///
    /// - Returns: the record's index once it is sealed; nil when it cannot be.
    private func write(_ plan: PrunePlan, _ policy: RetentionPolicy, _ now: UnixTime) -> UInt64? {
        let change = AuditChange(
            before: ["first_kept": .integer(Int64(plan.from))],
            after: [
                "first_kept": .integer(Int64(plan.end)), "rule": .string(plan.rule?.rawValue ?? ""),
                "retention_days": .integer(policy.days), "retention_bytes": .integer(policy.bytes),
                "tenant_policies": .integer(Int64(policy.tenantDays.count)),
            ]
        )
        return write(LogPruner.action, "audit/records", change, now)
    }

    private func write(_ action: String, _ target: String, _ change: AuditChange, _ now: UnixTime) -> UInt64? {
        var record = AuditRecord(
            time: now,
            gateway: services.configuration.name,
            durability: services.configuration.audit.durability,
            decision: .allowed,
            reason: .ok
        )
        record.action = action
        record.target = target
        record.change = change
        record.configGeneration = services.configurationGeneration
        let batch = RecordBatch(mailbox: mailbox)
        batch.append(record, ticket: .max)
        services.audit.submit(batch)
        _ = sealed.take()
        var done: [RecordBatch] = []
        mailbox.take(&done)
        return done.last?.first
    }

    /// Lets the keys of personal fields follow one another, and records those that were destroyed as nothing is left.
    private mutating func keepKeys(_ now: UnixTime) throws {
        guard now >= keptAt + Self.prunePeriod || now < keptAt, services.audit.isWriting else { return }
        keptAt = now
        let directory = services.directory
        // No hold comes between the look at the policy and the end of a key.
        let destroyed = try services.administration.withLock { _ in
            try services.personalKeys.keep(
                services.retention.policy(services.configuration.audit).policy,
                isThere: { directory.tenant($0) != nil },
                now: now
            )
        }
        for (owner, ids) in destroyed where !ids.isEmpty {
            let change = AuditChange(before: ["keys": .array(ids.map(JSON.string))], after: nil)
            _ = write("audit.key.destroy", "audit-key/\(owner.name)", change, now)
        }
    }

    /// Says when a hold begins or ends to keep the log larger than it may be.
    private mutating func note(heldOver bytes: Int64) {
        services.retention.heldOver = bytes
        guard (bytes > 0) != isOver else { return }
        isOver = bytes > 0
        if isOver {
            services.log.warning(
                "a legal hold keeps the audit log above audit.retention_bytes",
                ["over_bytes": .integer(bytes), "first_kept": .integer(Int64(services.retention.pruner.firstHeld))]
            )
        } else {
            services.log.info("the audit log is within audit.retention_bytes again")
        }
    }

    /// Removes what the last note says has gone.
    ///
    /// - Returns: whether all has.
    private mutating func clean(_ now: UnixTime) throws -> Bool {
        let index = services.search.index
        let isClean = try services.retention.pruner.clean(atMost: Self.bundles) { first, records in
            try index.forget(Self.entries(first, records))
        }
        if isClean, services.retention.pruner.firstHeld > 0,
            now >= sweptAt + Self.sweepPeriod || now < sweptAt
        {
            sweptAt = now
            try index.sweep(before: services.retention.pruner.firstHeld)
        }
        return isClean
    }

    private static func entries(_ first: UInt64, _ records: [[UInt8]]) -> [AuditIndexEntry] {
        records.enumerated().map { AuditIndexEntry(index: first + UInt64($0), record: $1) }
    }

    /// Takes the records out of the index that are held for others' sake, and are older than their tenant's own policy asks.
    private mutating func forgetTenants(_ policy: RetentionPolicy, _ now: UnixTime) throws {
        guard now >= forgotAt + Self.prunePeriod || now < forgotAt else { return }
        forgotAt = now
        guard !policy.tenantDays.isEmpty, let covered = services.integrator.published?.checkpoint.size else { return }
        let index = services.search.index
        var done = try forgotten ?? index.forgotten()
        defer { forgotten = done }
        let pruner = services.retention.pruner
        for (tenant, days) in policy.tenantDays where days > 0 && !policy.holds(tenant) {
            let from = max(done[tenant] ?? 0, pruner.firstHeld)
            let needed = min(covered, index.indexedSize)
            done[tenant] = try pruner.visit(from: from, covered: needed, atMost: Self.bundles) { bundle, records in
                guard bundle.isBefore(now + -(days * 86_400)) else { return false }
                try index.forget(Self.entries(bundle.first, records), of: tenant, until: bundle.end)
                return true
            }
        }
    }
}

extension BundleSummary {
    /// Whether all of its records are older than that.
    fileprivate func isBefore(_ time: UnixTime) -> Bool { newest.values.allSatisfy { $0 < time } }
}
