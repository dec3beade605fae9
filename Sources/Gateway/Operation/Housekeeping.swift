// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Identity
import Quality
import Storage
import Synchronization
import Telemetry

/// What is done with time alone: collecting what loops saw of predictions, judging canaries, storing when keys were used,
/// ending deleted tenants, pruning the audit log, forgetting what is over.
struct Housekeeping {
    private let services: Services
    private var usesSavedAt = UnixTime(nanoseconds: 0)
    private var purgedAt = UnixTime(nanoseconds: 0)
    private var sweptAt = UnixTime(nanoseconds: 0)
    private var retainer: Retainer
    private var collectedAt = UnixTime(nanoseconds: 0)
    private var judgedAt = UnixTime(nanoseconds: 0)
    /// Nobody waits for the records made here.
    private let mailbox = Mailbox {}

    /// Seconds between two looks at each.
    private static let usePeriod: Int64 = 5
    private static let purgePeriod: Int64 = 1
    private static let sweepPeriod: Int64 = 60
    private static let collectPeriod: Int64 = 5
    private static let judgePeriod: Int64 = 1
    /// Far more than any verifier's leeway.
    private static let tokenMargin: Int64 = 3600

    init(_ services: Services) {
        self.services = services
        retainer = Retainer(services)
    }

    /// Does what is due.
    mutating func step() {
        let now = services.time.now()
        if now >= collectedAt + Self.collectPeriod {
            collectedAt = now
            services.collectQuality()
        }
        if now >= judgedAt + Self.judgePeriod {
            judgedAt = now
            services.judgeCanariesSoon()
        }
        do {
            if now >= usesSavedAt + Self.usePeriod {
                usesSavedAt = now
                try services.saveUses()
            }
            if now >= purgedAt + Self.purgePeriod {
                purgedAt = now
                for tenant in try services.store.tenantsToPurge(at: now) { try purge(tenant, now) }
            }
            retainer.step(now)
            if now >= sweptAt + Self.sweepPeriod {
                sweptAt = now
                services.forgetQuality(now: now)
                try services.store.purgeAnswers(before: now + -IdempotentCall.seconds)
                let ended = now + -Self.tokenMargin
                try services.store.purgeRevokedTokens(expiredBefore: ended)
                services.directory.forgetRevokedTokens(expiredBefore: ended)
            }
        } catch {
            services.log.error("the database cannot be kept in order", ["error": .string("\(error)")])
        }
    }

    /// Ends a tenant whose grace is over, and records it.
    private func purge(_ tenant: Tenant, _ now: UnixTime) throws {
        // What cannot be recorded must not be done.
        guard services.audit.health == .writing else { return }
        let keys: [String]
        do throws(StorageError) {
            keys = try services.administration.withLock { _ throws(StorageError) in
                let keys = try services.store.purge(tenant: tenant.id, at: now)
                services.directory.remove(tenant.id, keys: keys)
                services.forgetLimits(ofKeys: keys)
                return keys
            }
        } catch .notFound {
            // Restored since it was read.
            return
        }
        var record = AuditRecord(
            time: now,
            gateway: services.configuration.name,
            durability: services.configuration.audit.durability,
            decision: .allowed,
            reason: .ok
        )
        record.action = "tenant.purge"
        record.tenant = tenant.id.description
        record.target = "tenant/\(tenant.id)"
        record.change = AuditChange(before: tenant.json.adding("keys", UInt64(keys.count)), after: nil)
        record.configGeneration = services.configurationGeneration
        let batch = RecordBatch(mailbox: mailbox)
        batch.append(record, ticket: .max)
        services.audit.submit(batch)
        var sealed: [RecordBatch] = []
        mailbox.take(&sealed)
        services.retention.forget(tenant: tenant.id)
        try services.administration.withLock { _ in
            guard !services.retention.isHeld(tenant.id) else { return }
            _ = try services.personalKeys.destroy(.tenant(tenant.id), renews: false, now: now)
        }
        services.log.info("a deleted tenant is gone", ["tenant": .of(tenant.id), "keys": .integer(Int64(keys.count))])
    }
}

extension Services {
    /// Stores when keys were last used, as far as it is not stored yet.
    func saveUses() throws {
        let uses = directory.takeUses()
        if !uses.isEmpty { try store.save(uses: uses) }
    }
}
