// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization

/// The writer's thread: takes all that waits, writes and syncs it as one group, and tells the mailboxes.
final class GroupWriter {
    /// When groups are not synced, a sync begins for records that are so old, or so many bytes.
    private static let syncInterval: Int64 = 1_000_000_000
    private static let syncBytes: Int64 = 32 << 20
    private static let firstPause: Int64 = 1_000_000
    private static let longestPause: Int64 = 1_000_000_000

    private let journal: Journal
    private let queue: SubmissionQueue
    private let state: AuditState
    private let isDurable: Bool
    private let time: TimeSource
    private let onHealth: @Sendable (AuditHealth) -> Void
    private var lastSync: Int64

    init(
        journal: Journal,
        queue: SubmissionQueue,
        state: AuditState,
        isDurable: Bool,
        time: TimeSource,
        onHealth: @escaping @Sendable (AuditHealth) -> Void
    ) {
        self.journal = journal
        self.queue = queue
        self.state = state
        self.isDurable = isDurable
        self.time = time
        self.onHealth = onHealth
        lastSync = time.monotonic()
    }

    /// Works until the queue is closed and empty.
    func run() {
        var group: [RecordBatch] = []
        while true {
            let isClean = journal.synced == journal.next
            switch queue.take(&group, within: isClean ? nil : Self.syncInterval) {
            case .group:
                write(group)
                group.removeAll(keepingCapacity: true)
                if !isDurable { syncWritten() }
            case .idle:
                syncWritten()
            case .closed:
                finish()
                return
            }
        }
    }

    private func write(_ group: [RecordBatch]) {
        var index = journal.next
        let first = index
        if state.wantsSegment.exchange(false, ordering: .relaxed) { journal.endSegment() }
        do throws(AuditError) {
            try journal.append(group)
            let start = time.monotonic()
            try journal.seal(sync: isDurable)
            if isDurable { state.noteSync(nanoseconds: time.monotonic() - start) }
        } catch {
            fail(group, error)
            return
        }
        state.size.store(journal.next, ordering: .releasing)
        noteSynced()
        state.groups.add(1, ordering: .relaxed)
        state.records.add(journal.next - first, ordering: .relaxed)
        var bytes = 0
        for batch in group {
            batch.first = index
            index += UInt64(batch.count)
            bytes += batch.byteCount
        }
        state.bytes.add(UInt64(bytes), ordering: .relaxed)
        Mailbox.deliver(group)
    }

    /// Has written records brought to the disk when it is time, and hears of the last time.
    private func syncWritten() {
        do throws(AuditError) {
            if let nanoseconds = try journal.endSync() { state.noteSync(nanoseconds: nanoseconds) }
            noteSynced()
        } catch {
            return fail([], error)
        }
        let unsynced = journal.unsynced
        let now = time.monotonic()
        guard unsynced.isUrgent || unsynced.bytes >= Self.syncBytes || now - lastSync >= Self.syncInterval else {
            return
        }
        lastSync = now
        journal.beginSync()
    }

    private func finish() {
        do throws(AuditError) {
            try journal.close()
            noteSynced()
        } catch {
            note(error)
        }
    }

    /// Fails the group and all that waits, and comes back when the journal can be written again or is closed.
    private func fail(_ group: [RecordBatch], _ error: AuditError) {
        note(error)
        let failed = group + queue.beginFailing()
        state.failures.add(failed.reduce(0) { $0 + UInt64($1.count) }, ordering: .relaxed)
        for batch in failed { batch.first = nil }
        Mailbox.deliver(failed)
        var pause = Self.firstPause
        while true {
            if queue.pause(pause) { return }
            do throws(AuditError) {
                try journal.reopen()
                break
            } catch {
                note(error)
                pause = min(pause * 2, Self.longestPause)
            }
        }
        lastSync = time.monotonic()
        noteSynced()
        queue.endFailing()
        if state.change(.writing) { onHealth(.writing) }
    }

    private func noteSynced() { state.synced.store(journal.synced, ordering: .releasing) }

    private func note(_ error: AuditError) {
        state.faults.add(1, ordering: .relaxed)
        let health = AuditHealth.failed("\(error)")
        if state.change(health) { onHealth(health) }
    }
}
