// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Glibc
import Limits
import Storage
import Synchronization
import Telemetry

/// Follows the audit log and keeps what is derived from it: the search index, and the limits as the log alone tells
/// them, from which the next start goes on.
///
/// The limits that are saved are not those of the road but a second table fed only by sealed records, so that a snapshot
/// and the index it covers always belong together: what was charged but never answered is not charged after a restart.
final class LogFollower: Sendable {
    private struct State {
        let reader: AuditReader
        let ledger: LimitTable
        var savedSize: UInt64
        var savedAt: UnixTime
    }

    let index: AuditIndex
    private let audit: AuditLog
    private let store: Store
    private let time: TimeSource
    private let log: StructuredLog
    private let state: Mutex<State>
    private let finder: Mutex<AuditReader>

    /// Seconds between two snapshots of the limits.
    private static let snapshotSeconds: Int64 = 10
    /// Records that go into the index in one transaction.
    private static let batch = 1024

    /// Brings the road's limits to where the log ends: the last snapshot, then every record behind it.
    ///
    /// - Throws: what keeps the log or the database from being read.
    init(
        audit: AuditLog,
        index: AuditIndex,
        store: Store,
        limits: LimitTable,
        plans: [(TenantID, Plan)],
        time: TimeSource,
        log: StructuredLog
    ) throws {
        self.audit = audit
        self.index = index
        self.store = store
        self.time = time
        self.log = log
        let ledger = LimitTable()
        for (tenant, plan) in plans { ledger.assign(plan, to: tenant) }
        let snapshot = try store.limitSnapshot()
        ledger.restore(snapshot.accounts)
        let reader = audit.reader()
        // An index that fell behind reads its own way; the limits need only what the snapshot does not cover.
        reader.seek(to: min(snapshot.coveredIndex, index.indexedSize, audit.size))
        var state = State(
            reader: reader,
            ledger: ledger,
            savedSize: snapshot.coveredIndex,
            savedAt: time.now()
        )
        try Self.advance(&state, index: index, coveredBySnapshot: snapshot.coveredIndex)
        limits.restore(ledger.snapshot())
        self.state = Mutex(state)
        finder = Mutex(audit.reader())
    }

    /// Reads the log to its end as of now; what was sealed before the call is in the index after it.
    func catchUp() throws {
        try state.withLock { state in
            try Self.advance(&state, index: index, coveredBySnapshot: state.savedSize)
            let now = time.now()
            if state.reader.position > state.savedSize, now > state.savedAt + Self.snapshotSeconds {
                try save(&state, now)
            }
        }
    }

    /// One record's JSON; nil when there is none of that index.
    func record(at index: UInt64) throws -> [UInt8]? {
        try finder.withLock { try $0.record(at: index) }
    }

    /// A tenant's plan, so that its charges are counted by it.
    func assign(_ plan: Plan, to tenant: TenantID) {
        state.withLock { $0.ledger.assign(plan, to: tenant) }
    }

    /// Saves the limits once more, after the log was closed.
    func finish() throws {
        try catchUp()
        try state.withLock { state in try save(&state, time.now()) }
    }

    /// Lets every other thread of the machine go before this one.
    static func giveWay() {
        // On Linux this is of the calling thread alone.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
    }

    private func save(_ state: inout State, _ now: UnixTime) throws {
        try store.save(limitSnapshot: state.ledger.snapshot(), coveredIndex: state.reader.position)
        state.savedSize = state.reader.position
        state.savedAt = now
    }

    private static func advance(_ state: inout State, index: AuditIndex, coveredBySnapshot: UInt64) throws {
        let indexed = index.indexedSize
        var rows: [AuditIndexEntry] = []
        while let entry = try state.reader.next() {
            if entry.index >= coveredBySnapshot {
                let record = try AuditRecord(bytes: entry.bytes)
                if let charge = record.charge, let tenant = record.tenant.flatMap({ TenantID($0) }) {
                    state.ledger.replay(tenant: tenant, requests: charge.requests, at: record.time)
                }
            }
            guard entry.index >= indexed else { continue }
            rows.append(AuditIndexEntry(index: entry.index, record: entry.bytes))
            if rows.count == batch {
                try index.append(rows)
                rows.removeAll(keepingCapacity: true)
            }
        }
        if !rows.isEmpty { try index.append(rows) }
    }
}
