// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Synchronization
import TestSupport
import Testing

@Suite struct RecordTemplateTests {
    @Test func `a record of a template has the bytes that the whole record has`() throws {
        var random = SeededGenerator(seed: 11)
        let log = try openLog(MemoryFileSystem())
        for _ in 0..<500 {
            // The template comes of another record of the kind, as on the road.
            let one = RandomRecord.make(&random)
            let template = RecordTemplate(one)
            let other = RandomRecord.make(&random)
            var whole = one
            whole.charge = other.charge
            whole.inferMicros = other.inferMicros
            whole.instances = other.instances
            whole.limits = other.limits
            whole.queueMicros = other.queueMicros
            whole.requestBytes = other.requestBytes
            whole.responseBytes = other.responseBytes
            whole.time = other.time
            whole.totalMicros = other.totalMicros
            // A template is for the gateway's own ids.
            if one.requestID == nil { whole.id = RequestID(high: random.next(), low: random.next()) }
            let batch = RecordBatch(mailbox: Inbox().mailbox)
            batch.append(template, AuditMeasures(whole), ticket: 0)
            batch.append(whole, ticket: 1)
            log.submit(batch)
        }
        log.close()
        let entries = try log.reader().all()
        #expect(entries.count == 1000)
        for pair in stride(from: 0, to: entries.count, by: 2) {
            let (a, b) = (entries[pair].bytes, entries[pair + 1].bytes)
            #expect(a == b)
            #expect(throws: Never.self) { try AuditRecord(bytes: a) }
        }
    }
}
