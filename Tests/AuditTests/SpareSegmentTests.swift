// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Audit

@Suite struct SpareSegmentTests {
    @Test func `the next segment is made ahead, and nothing of it is left in the end`() throws {
        let files = MemoryFileSystem()
        var configuration = memory
        configuration.segmentBytes = 1 << 16
        let log = try AuditLog(configuration: configuration, time: .system, files: files)
        var count = 0
        func write() {
            #expect(log.write([payload(count, size: 1000)]).map(\.index) == [UInt64(count)])
            count += 1
        }
        // Most of the segment is enough to have all of the spare wanted.
        while count < 55 { write() }
        while files["audit/journal/spare"]?.count != 1 << 16 {}
        while files.segments.count == 1 { write() }
        #expect(files[files.segments[1]]?.count == 1 << 16)
        while count < 200 { write() }
        log.close()
        let entries = try AuditReader(directory: "audit", files: files).all()
        #expect(entries.map(\.bytes) == (0..<200).map { payload($0, size: 1000) })
        #expect(files["audit/journal/spare"]?.count ?? 0 == 0)
        #expect(files.openFiles == 0)
    }

    @Test func `a segment that was made ahead and has no record yet opens after a power cut`() throws {
        for seed in 0..<20 {
            var random = SeededGenerator(seed: UInt64(seed))
            let files = MemoryFileSystem()
            let spare = try SpareSegment(directory: "audit/journal", size: 4096, files: files)
            let log = try openLog(files)
            let records = (0..<20).map { payload($0, size: 100) }
            #expect(log.write(records).allSatisfy { $0.outcome == .sealed })
            log.close()
            spare.prepare(4096)
            while !spare.take() {}
            try files.rename("audit/journal/spare", to: SegmentFile.path("audit/journal", first: 20))
            if seed % 2 == 0 { try files.syncDirectory("audit/journal") }
            spare.close()

            let reopened = try openLog(files.afterPowerCut(&random))
            #expect(reopened.size == 20)
            #expect(reopened.recovery.cutBytes == 0)
            #expect(reopened.write([payload(20)]).map(\.index) == [20])
            #expect(try reopened.reader().all().map(\.bytes) == records + [payload(20)])
            reopened.close()
        }
    }

    @Test func `one that cannot be made is not tried again before the next is due`() throws {
        let files = MemoryFileSystem()
        let spare = try SpareSegment(directory: "audit/journal", size: 4096, files: files)
        files.fail(0..<1_000_000, with: .noSpace)
        spare.prepare(1000)
        while files.faults == 0 {}
        files.fail(0..<0, with: .noSpace)
        #expect(!spare.take())
        while !spare.take() { spare.prepare(4096) }
        spare.close()
        #expect(files.openFiles == 0)
    }
}
