// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Storage
import Synchronization

/// Searches the audit log by its index, which is built behind the log and can be rebuilt from it.
final class AuditSearch: Sendable {
    let index: AuditIndex
    private let time: TimeSource
    private let reader: Mutex<AuditReader>
    private let finder: Mutex<AuditReader>

    /// Records that go into the index in one transaction.
    private static let batch = 4096
    /// How long a search waits for the index, in nanoseconds; what is newer is not found by it.
    private static let patience: Int64 = 2_000_000_000

    /// How long a search looks before it ends its page, in nanoseconds.
    private static let budget: Int64 = 50_000_000

    init(audit: AuditLog, index: AuditIndex, time: TimeSource) {
        self.index = index
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
        try reader.withLock { try index.follow($0, atMost: Self.batch) == Self.batch }
    }

    /// A page of the records that fit, with their indices, and where to go on; those sealed before the call are among
    /// them unless the index is far behind.
    ///
    /// It takes no longer than a moment: when much must be looked through it ends early, with fewer records.
    func page(_ query: AuditQuery) throws -> (records: [(index: UInt64, record: [UInt8])], next: UInt64?) {
        let deadline = time.monotonic() + Self.patience
        while try follow(), time.monotonic() < deadline {}
        let start = time.monotonic()
        let page = try index.page(query) { time.monotonic() - start > Self.budget }
        let places = try index.places(before: page.indices)
        let records = try finder.withLock { finder in
            try zip(page.indices, places).map { index, place in
                guard let record = try finder.record(at: index, after: place) else {
                    throw Refusal(
                        .internalError,
                        "The log lacks a record that its index names.",
                        detail: "index \(index)"
                    )
                }
                return (index: index, record: record)
            }
        }
        return (records, page.next)
    }
}
