// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Storage
import Synchronization

/// Searches the audit log by its index, which is built behind the log and can be rebuilt from it.
final class AuditSearch: Sendable {
    let index: AuditIndex
    private let retention: Retention
    private let time: TimeSource
    private let reader: Mutex<AuditReader>
    private let finder: Mutex<AuditReader>

    /// Records that go into the index in one transaction.
    private static let batch = 4096
    /// How long a search waits for the index, in nanoseconds; what is newer is not found by it.
    private static let patience: Int64 = 2_000_000_000

    /// How long a search looks before it ends its page, in nanoseconds.
    private static let budget: Int64 = 50_000_000

    init(audit: AuditLog, index: AuditIndex, retention: Retention, time: TimeSource) {
        self.index = index
        self.retention = retention
        self.time = time
        let reader = audit.reader()
        reader.seek(to: min(index.indexedSize, audit.size))
        self.reader = Mutex(reader)
        finder = Mutex(audit.reader())
    }

    /// Brings some records into the index.
    ///
    /// - Returns: whether there may be more.
    func follow() throws -> Bool {
        try reader.withLock { try index.follow($0, atMost: Self.batch, from: retention.pruner.firstHeld) == Self.batch }
    }

    /// A page of the records that fit, with their indices, and where to go on; those sealed before the call are among
    /// them unless the index is far behind.
    ///
    /// It takes no longer than a moment: when much must be looked through it ends early, with fewer records.
    func page(_ query: AuditQuery) throws -> (records: [(index: UInt64, record: [UInt8])], next: UInt64?) {
        let deadline = time.monotonic() + Self.patience
        while try follow(), time.monotonic() < deadline {}
        var query = query
        let held = retention.pruner.firstHeld
        if held > 0 { query.afterIndex = max(query.afterIndex ?? 0, held - 1) }
        let start = time.monotonic()
        let page = try index.page(query) { time.monotonic() - start > Self.budget }
        let places = try index.places(before: page.indices)
        let records = try finder.withLock { finder in
            try zip(page.indices, places).compactMap { index, place in
                try record(at: index, after: place, finder).map { (index: index, record: $0) }
            }
        }
        return (records, page.next)
    }

    /// nil where the record's time is over.
    private func record(
        at index: UInt64,
        after place: (index: UInt64, place: AuditPlace)?,
        _ finder: AuditReader
    ) throws -> [UInt8]? {
        do throws(AuditError) {
            if let record = try finder.record(at: index, after: place) {
                return retention.isHidden(record, now: time.now()) ? nil : record
            }
        } catch {
            // It may have been pruned since it was found.
            guard retention.isPruned(index) else { throw error }
            return nil
        }
        throw Refusal(.internalError, "The log lacks a record that its index names.", detail: "index \(index)")
    }
}
