// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Identity
import Limits
import Storage
import Synchronization

/// The limits as the audit log alone tells them, from which the next start goes on.
///
/// Not the road's table but a second one, fed only by sealed records: so a snapshot and the log size it covers always
/// belong together, and what was charged but never answered is not charged after a restart.
final class LimitLedger: Sendable {
    private struct State {
        let reader: AuditReader
        let table: LimitTable
        var savedSize: UInt64
        var savedAt: UnixTime
    }

    private let store: Store
    /// Knows which keys have limits of their own now.
    private let directory: Directory
    private let time: TimeSource
    private let state: Mutex<State>

    /// Seconds between two snapshots.
    private static let snapshotSeconds: Int64 = 10

    /// Reads the last snapshot and every record behind it, and brings the road's limits to where the log ends.
    ///
    /// - Throws: what keeps the log or the database from being read.
    init(
        audit: AuditLog,
        store: Store,
        directory: Directory,
        limits: LimitTable,
        plans: [(TenantID, Plan)],
        time: TimeSource
    ) throws {
        self.store = store
        self.directory = directory
        self.time = time
        let table = LimitTable()
        for (tenant, plan) in plans { table.assign(plan, to: tenant) }
        let snapshot = try store.limitSnapshot()
        table.restore(snapshot.accounts, keyLimits: directory.limits(ofKey:))
        let reader = audit.reader()
        // A database from a copy may know less than the log still holds.
        reader.seek(to: max(min(snapshot.coveredIndex, audit.size), reader.first))
        let state = State(reader: reader, table: table, savedSize: snapshot.coveredIndex, savedAt: time.now())
        try Self.replay(state, directory)
        limits.restore(table.snapshot(), keyLimits: directory.limits(ofKey:))
        self.state = Mutex(state)
    }

    /// Reads the log to its end as of now, and saves a snapshot when one is due.
    func follow() throws {
        try state.withLock { state in
            try Self.replay(state, directory)
            let now = time.now()
            if state.reader.position > state.savedSize, now > state.savedAt + Self.snapshotSeconds {
                try save(&state, now)
            }
        }
    }

    /// A tenant's plan, so that its charges are counted by it.
    func assign(_ plan: Plan, to tenant: TenantID) {
        state.withLock { $0.table.assign(plan, to: tenant) }
    }

    /// Keys that were revoked or deleted, or have no limits of their own any more.
    func forget(keys ids: [String]) {
        state.withLock { $0.table.keys.forget(ids) }
    }

    /// Records that the next start needs none of.
    var savedSize: UInt64 { state.withLock { $0.savedSize } }

    /// Reads the log to its end and saves a snapshot, whenever the last one was.
    func finish() throws {
        try state.withLock { state in
            try Self.replay(state, directory)
            try save(&state, time.now())
        }
    }

    private func save(_ state: inout State, _ now: UnixTime) throws {
        // Behind a day the log's last records cannot lie: its follower is seconds late at most.
        state.table.keys.dropUnused(since: now + -86_400)
        try store.save(limitSnapshot: state.table.snapshot(), coveredIndex: state.reader.position)
        state.savedSize = state.reader.position
        state.savedAt = now
    }

    private static func replay(_ state: borrowing State, _ directory: Directory) throws {
        while try state.reader.advance() != nil {
            guard let charge = state.reader.withRecord({ ChargedRecord($0) }) else { continue }
            state.table.replay(tenant: charge.tenant, requests: charge.requests, at: charge.time)
            if let key = charge.keyID, let limits = directory.limits(ofKey: key) {
                state.table.keys.replay(key: key, limits: limits, requests: charge.requests, at: charge.time)
            }
        }
    }
}
