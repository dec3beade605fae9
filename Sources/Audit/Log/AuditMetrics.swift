// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The writer's counters since the log was opened, as they stood at one look.
public struct AuditMetrics: Hashable, Sendable {
    /// Upper bounds of ``syncBuckets`` in nanoseconds; the last bucket has none.
    public static let syncBounds: [Int64] = [
        50_000, 100_000, 200_000, 400_000, 800_000, 1_600_000, 3_200_000, 6_400_000, 12_800_000, 25_600_000,
        51_200_000, 102_400_000, 1_000_000_000,
    ]

    /// Groups that were sealed.
    public var groups: UInt64 = 0
    /// Records that were sealed.
    public var records: UInt64 = 0
    /// Their payloads' bytes.
    public var bytes: UInt64 = 0
    /// fdatasync calls that succeeded.
    public var syncs: UInt64 = 0
    /// Nanoseconds in them.
    public var syncNanoseconds: UInt64 = 0
    /// How many of them took up to each of ``syncBounds``, not cumulative, and one more for the slower ones.
    public var syncBuckets = [UInt64](repeating: 0, count: syncBounds.count + 1)
    /// Submissions that failed.
    public var failures: UInt64 = 0
    /// Failed attempts to write, sync or reopen.
    public var faults: UInt64 = 0
    /// Submissions that wait now.
    public var queued: UInt64 = 0
}

/// What the writer's thread, submitters and readers share.
final class AuditState: Sendable {
    /// Sealed records: readers may read all below.
    let size: Atomic<UInt64>
    /// Those of them that no crash of the machine can take.
    let synced: Atomic<UInt64>
    let health = Mutex(AuditHealth.writing)
    /// The same for who asks often.
    let isWriting = Atomic(true)
    /// Whether the next group begins a new segment.
    let wantsSegment = Atomic(false)
    let groups = Atomic<UInt64>(0)
    let records = Atomic<UInt64>(0)
    let bytes = Atomic<UInt64>(0)
    let syncs = Atomic<UInt64>(0)
    let syncNanoseconds = Atomic<UInt64>(0)
    let failures = Atomic<UInt64>(0)
    let faults = Atomic<UInt64>(0)
    private let syncBuckets = Mutex([UInt64](repeating: 0, count: AuditMetrics.syncBounds.count + 1))

    init(size: UInt64, synced: UInt64) {
        self.size = Atomic(size)
        self.synced = Atomic(synced)
    }

    /// Answers whether that is news.
    func change(_ new: AuditHealth) -> Bool {
        health.withLock { current in
            defer { current = new }
            isWriting.store(new == .writing, ordering: .releasing)
            return current != new
        }
    }

    func noteSync(nanoseconds: Int64) {
        let bucket = AuditMetrics.syncBounds.firstIndex { nanoseconds <= $0 } ?? AuditMetrics.syncBounds.count
        syncBuckets.withLock { $0[bucket] += 1 }
        syncs.add(1, ordering: .relaxed)
        syncNanoseconds.add(UInt64(clamping: nanoseconds), ordering: .relaxed)
    }

    func metrics(queued: Int) -> AuditMetrics {
        var metrics = AuditMetrics()
        metrics.groups = groups.load(ordering: .relaxed)
        metrics.records = records.load(ordering: .relaxed)
        metrics.bytes = bytes.load(ordering: .relaxed)
        metrics.syncs = syncs.load(ordering: .relaxed)
        metrics.syncNanoseconds = syncNanoseconds.load(ordering: .relaxed)
        metrics.syncBuckets = syncBuckets.withLock { $0 }
        metrics.failures = failures.load(ordering: .relaxed)
        metrics.faults = faults.load(ordering: .relaxed)
        metrics.queued = UInt64(queued)
        return metrics
    }
}
