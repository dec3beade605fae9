// SPDX-License-Identifier: Apache-2.0

import Audit
import Dispatch
import GatewayCore
import TestSupport
import Testing

@Suite struct AuditReaderTests {
    private func filled(_ count: Int) throws -> MemoryFileSystem {
        let files = MemoryFileSystem()
        var configuration = memory
        configuration.segmentBytes = 20_000
        let log = try openLog(files, configuration)
        for start in stride(from: 0, to: count, by: 50) {
            _ = log.write((start..<min(start + 50, count)).map { payload($0, size: 60 + $0 % 90) })
        }
        log.close()
        return files
    }

    @Test func `any record is found by its index, in any order, across segments`() throws {
        let files = try filled(1000)
        #expect(files.segments.count > 4)
        #expect(
            files.segments.allSatisfy { files[$0]?.last == UInt8(ascii: " ") },
            "zeros were left behind the records"
        )
        let reader = try AuditReader(directory: "audit", files: files)
        var random = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            let index = Int.random(in: 0..<1000, using: &random)
            #expect(try reader.record(at: UInt64(index)) == payload(index, size: 60 + index % 90))
        }
        #expect(try reader.record(at: 1000) == nil)
        #expect(reader.size == 1000)
    }

    @Test func `reading goes on from any index to the end`() throws {
        let reader = try AuditReader(directory: "audit", files: try filled(1000))
        for start in [0, 1, 63, 64, 65, 500, 999, 1000] {
            reader.seek(to: UInt64(start))
            #expect(try reader.all().map(\.index) == (start..<1000).map { UInt64($0) })
        }
    }

    @Test func `a reader beside the writer sees every sealed record once and nothing else`() throws {
        let files = MemoryFileSystem()
        let log = try openLog(files)
        let reader = log.reader()
        #expect(try reader.next() == nil)
        let inbox = Inbox()
        let mailbox = inbox.mailbox
        var read: [AuditEntry] = []
        for i in 0..<1500 {
            log.submit(payload(i), ticket: UInt64(i), to: mailbox)
            if let entry = try reader.next() { read.append(entry) }
            if i % 10 == 0, let last = read.last { #expect(try reader.record(at: last.index) == last.bytes) }
        }
        inbox.wait(for: 1500)
        read += try reader.all()
        #expect(read.map(\.index) == (0..<1500).map { UInt64($0) })
        #expect(read.map(\.bytes) == (0..<1500).map { payload($0) })
    }

    @Test func `a reader never returns what was written and then cut off`() throws {
        let files = MemoryFileSystem()
        let watch = HealthWatch()
        let log = try openLog(files, onHealth: watch.note)
        _ = log.write([payload(0), payload(1)])
        // The write succeeds and the sync fails: the bytes are in the file, the record is not in the log.
        files.fail(0..<1_000_000, with: .ioError, operations: ["fdatasync", "ftruncate"])
        #expect(log.write([payload(666)]).map(\.outcome) == [.failed])
        let reader = log.reader()
        #expect(try reader.next()?.bytes == payload(0))
        #expect(try reader.next()?.bytes == payload(1))
        #expect(try reader.next() == nil)
        #expect(try reader.record(at: 2) == nil)
        files.fail(0..<0, with: .ioError)
        watch.waitForRecovery()
        _ = log.write([payload(2)])
        #expect(try reader.next()?.bytes == payload(2))
        #expect(try reader.record(at: 2) == payload(2))
    }

    @Test func `a damaged or missing segment is named when its records are read`() throws {
        let files = try filled(1000)
        let path = files.segments[1]
        let first = try #require(Int(path.split(separator: "/")[2].prefix(20)))
        files[path]![8 + 24] ^= 1
        let reader = try AuditReader(directory: "audit", files: files)
        let error = #expect(throws: AuditError.self) { try reader.all() }
        #expect(error?.code == .corrupt)
        #expect(error?.file == path)
        #expect(error?.offset == 8)
        #expect(reader.position == UInt64(first))

        files[path] = nil
        let without = try AuditReader(directory: "audit", files: files)
        let missing = #expect(throws: AuditError.self) { try without.all() }
        #expect(missing?.code == .corrupt)
        #expect(without.position == UInt64(first))
    }

    @Test func `a directory without a journal is refused`() throws {
        let directory = try TemporaryDirectory()
        let error = #expect(throws: AuditError.self) { try AuditReader(directory: directory.path) }
        #expect(error?.code == .io)
        #expect(error?.file == directory.path + "/journal")
    }
}
