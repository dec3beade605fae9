// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Audit
import Foundation
import GatewayCore
import GatewayCrypto
import Glibc

/// What the log costs beside what else one could write records to, in turns, on one disk.
@main
struct AuditBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit-benchmark",
        abstract: "Compare the audit log with SQLite and with a plain file, and time its verification."
    )
    @Option(help: "Folder on the disk to measure; what is made in it is removed.") var directory = "."
    @Option(help: "Rounds; each measures everything once, figures are medians.") var rounds = 5
    @Option(help: "Seconds for each figure of a round.") var seconds = 0.3
    @Option(help: "Bytes of a record.") var bytes = 800
    @Option(help: "Records to verify.") var verified = 200_000

    private static let crowds = [1, 64, 1024]

    func run() throws {
        let folder = "\(directory)/audit-benchmark-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let record = Self.record(bytes)
        let sinks: [any Sink] = [
            try JournalSink(folder, record: record),
            try QueueSink.sqlite(folder, record: record, takesAll: false),
            try QueueSink.sqlite(folder, record: record, takesAll: true),
            try QueueSink.file(folder, record: record),
        ]
        var syncs: [Double] = []
        var measured: [[[Latencies]]] = sinks.map { _ in Self.crowds.map { _ in [] } }
        for round in 0..<rounds {
            syncs.append(try Self.syncMicroseconds(folder))
            for (place, crowd) in Self.crowds.enumerated() {
                for (number, sink) in sinks.enumerated() {
                    measured[number][place].append(
                        try sink.run(outstanding: crowd, nanoseconds: Int64(seconds * 1e9))
                    )
                }
            }
            FileHandle.standardError.write(Data("round \(round + 1) of \(rounds)\n".utf8))
        }
        print("16 KiB appended and fdatasync on this disk: \(Text.fixed(Text.median(syncs), 0)) µs (median)")
        print("\(bytes) bytes in a record; \(rounds) rounds of \(seconds) s in turns, medians\n")
        var lines = [["", "callers", "records/s", "p50 µs", "p99 µs", "of the journal's rate", "bytes a record"]]
        for (number, sink) in sinks.enumerated() {
            try sink.close()
            let total = measured[number].joined().reduce(0) { $0 + $1.values.count }
            for (place, crowd) in Self.crowds.enumerated() {
                let runs = measured[number][place]
                // Ratios of one round, then their median: what else the machine did met both.
                let ratios = zip(runs, measured[0][place]).map { $0.perSecond / $1.perSecond }
                lines.append([
                    place == 0 ? sink.name : "", "\(crowd)", Text.fixed(Text.median(runs.map(\.perSecond)), 0),
                    Text.fixed(Text.median(runs.map { $0.quantile(0.5) }), 0),
                    Text.fixed(Text.median(runs.map { $0.quantile(0.99) }), 0), Text.fixed(Text.median(ratios), 3),
                    place == 0 ? Text.fixed(Double(sink.fileBytes) / Double(max(1, total)), 0) : "",
                ])
            }
        }
        print(Text.table(lines))
        try verification(folder, record)
    }

    /// Tiles of so many records, and how long it takes to verify each.
    private func verification(_ folder: String, _ record: [UInt8]) throws {
        let log = try AuditLog(
            configuration: AuditConfiguration(directory: "\(folder)/verified", gateway: "benchmark"),
            time: .system
        )
        guard let signer = NoteSigner(name: "benchmark.example", key: try .generate(.ed25519)) else {
            throw BenchmarkError("no key")
        }
        let start = TimeSource.system.monotonic()
        let integrator = try Integrator(
            log: log,
            directory: "\(folder)/verified/log",
            signer: signer,
            interval: 100_000_000,
            time: .system
        )
        let mailbox = Mailbox {}
        while log.size < UInt64(verified) {
            let batch = RecordBatch(mailbox: mailbox)
            for number in 0..<256 { batch.append(payload: record, ticket: UInt64(number)) }
            log.submit(batch)
            // As far ahead as the writer's group, not further.
            while log.metrics.queued > 4096 { usleep(100) }
        }
        let size = log.size
        log.close()
        integrator.stop()
        let integrated = TimeSource.system.monotonic()
        guard integrator.published?.checkpoint.size == log.size else { throw BenchmarkError("the tiles are behind") }
        let report = LogVerifier(directory: integrator.directory, verifier: signer.verifier).verify()
        let end = TimeSource.system.monotonic()
        guard report.faults.isEmpty, report.records >= size else { throw BenchmarkError("\(report.faults)") }
        func perSecond(_ nanoseconds: Int64) -> String {
            Text.fixed(Double(report.records) / Double(nanoseconds) * 1e9, 0)
        }
        print("\(report.records) records written and integrated into tiles: \(perSecond(integrated - start)) a second")
        print("\(report.records) records verified from their tiles: \(perSecond(end - integrated)) a second")
    }

    /// A record's JSON of that many bytes, as the gateway writes it but for the filling.
    private static func record(_ bytes: Int) -> [UInt8] {
        let head = Array(#"{"action":"predict","decision":"allowed","durability":"durable","detail":""#.utf8)
        let tail = Array(#"","gateway":"benchmark","reason":"ok","time":"2026-01-01T00:00:00.000000Z","v":1}"#.utf8)
        let filling = max(0, bytes - head.count - tail.count)
        return head + (0..<filling).map { UInt8(ascii: "a") + UInt8($0 * 7 % 26) } + tail
    }

    /// The time of one append of 16 KiB with its fdatasync: what a group costs at least.
    private static func syncMicroseconds(_ folder: String) throws -> Double {
        let path = "\(folder)/sync"
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw BenchmarkError("\(path) cannot be made") }
        defer { close(file) }
        let bytes = [UInt8](repeating: 1, count: 16384)
        let times = try (0..<100).map { _ in
            let start = TimeSource.system.monotonic()
            guard write(file, bytes, bytes.count) == bytes.count, fdatasync(file) == 0 else {
                throw BenchmarkError("\(path) cannot be written")
            }
            return Double(TimeSource.system.monotonic() - start) / 1000
        }
        return Text.median(times)
    }
}
