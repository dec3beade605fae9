// SPDX-License-Identifier: Apache-2.0

import Audit
import Dispatch
import GatewayCore
import Glibc

/// The gateway's log, as an event loop uses it: what it hears of in one turn it answers with one batch.
final class JournalSink: Sink {
    let name = "Tollgate's journal, durable"
    let log: AuditLog
    private let directory: String
    private let record: [UInt8]
    private let arrivals = DispatchSemaphore(value: 0)
    private let mailbox: Mailbox

    init(_ directory: String, record: [UInt8]) throws {
        self.directory = "\(directory)/audit"
        self.record = record
        let arrivals = self.arrivals
        mailbox = Mailbox { arrivals.signal() }
        log = try AuditLog(
            configuration: AuditConfiguration(directory: self.directory, gateway: "benchmark"),
            time: .system
        )
    }

    func run(outstanding: Int, nanoseconds: Int64) throws -> Latencies {
        let clock = TimeSource.system
        let start = clock.monotonic()
        var submitted = [Int64](repeating: start, count: outstanding)
        var latencies = Latencies()
        var spare: [RecordBatch] = []
        var done: [RecordBatch] = []
        func submit(_ tickets: [UInt64]) {
            let batch = spare.popLast() ?? RecordBatch(mailbox: mailbox)
            for ticket in tickets { batch.append(payload: record, ticket: ticket) }
            log.submit(batch)
        }
        submit((0..<UInt64(outstanding)).map { $0 })
        var waiting = outstanding
        var now = start
        while waiting > 0 {
            arrivals.wait()
            mailbox.take(&done)
            now = clock.monotonic()
            var again: [UInt64] = []
            for batch in done {
                guard batch.first != nil else { throw BenchmarkError("the log failed: \(log.health)") }
                for ticket in batch.tickets {
                    latencies.values.append(now - submitted[Int(ticket)])
                    submitted[Int(ticket)] = now
                }
                again += batch.tickets
                batch.removeAll()
                spare.append(batch)
            }
            done.removeAll()
            waiting -= again.count
            if now - start < nanoseconds, !again.isEmpty {
                submit(again)
                waiting += again.count
            }
        }
        latencies.nanoseconds = now - start
        return latencies
    }

    func close() throws { log.close() }

    var fileBytes: Int64 {
        guard let stream = opendir("\(directory)/journal") else { return 0 }
        defer { closedir(stream) }
        var sum: Int64 = 0
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            var status = stat()
            if stat("\(directory)/journal/\(name)", &status) == 0, name.hasSuffix(".journal") {
                sum += Int64(status.st_size)
            }
        }
        return sum
    }
}
