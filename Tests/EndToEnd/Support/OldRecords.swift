// SPDX-License-Identifier: Apache-2.0

import Audit
import Foundation
import GatewayCore

/// Records as an earlier run would have left them.
struct OldRecords: Sendable {
    var tenant: String?
    var count: Int
    var daysAgo: Int64
    var subject: String?
    var source = "192.0.2.7"

    /// Appends them to the journal of a gateway that does not run, in small segments.
    static func append(_ all: [OldRecords], to state: String) throws {
        let log = try AuditLog(
            configuration: AuditConfiguration(
                directory: "\(state)/audit",
                segmentBytes: 65_536,
                gateway: "end-to-end"
            ),
            time: .system
        )
        defer { log.close() }
        let written = DispatchSemaphore(value: 0)
        let mailbox = Mailbox { written.signal() }
        let now = TimeSource.system.now()
        var batch = RecordBatch(mailbox: mailbox)
        // A group stays in one segment.
        func flush() {
            guard !batch.isEmpty else { return }
            log.submit(batch)
            written.wait()
            batch = RecordBatch(mailbox: mailbox)
        }
        defer { flush() }
        for old in all {
            for number in 0..<old.count {
                if batch.count == 100 { flush() }
                var record = AuditRecord(
                    time: now + -old.daysAgo * 86_400,
                    gateway: "end-to-end",
                    durability: .durable,
                    decision: .allowed,
                    reason: .ok
                )
                record.action = "predict"
                record.tenant = old.tenant
                record.subject = old.subject
                record.source = AuditSource(address: old.source, port: 1)
                record.requestID = "old-\(old.tenant ?? "none")-\(old.daysAgo)-\(number)"
                batch.append(record, ticket: UInt64(number))
            }
        }
    }
}
