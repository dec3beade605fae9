// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Synchronization
import TestSupport
import Testing

@Suite struct FaultTests {
    /// Writes until records 0…59 are sealed, over restarts and failures, and checks that the log holds exactly what was
    /// acknowledged, where it was acknowledged.
    private func writeThroughFaults(_ files: MemoryFileSystem, _ configuration: AuditConfiguration) throws {
        var acknowledged: [UInt64: [UInt8]] = [:]
        var round = 0
        while acknowledged.count < 60 {
            round += 1
            try #require(round < 10)
            let watch = HealthWatch()
            guard let log = try? openLog(files, configuration, onHealth: watch.note) else { continue }
            while acknowledged.count < 60 {
                let group = (0..<6).map { payload(acknowledged.count + $0, size: 150) }
                let sealed = log.write(group)
                for (payload, one) in zip(group, sealed) where one.outcome == .sealed {
                    let isNew = acknowledged.updateValue(payload, forKey: one.index) == nil
                    #expect(isNew, "index \(one.index) was given twice")
                }
                if sealed.contains(where: { $0.outcome == .failed }) { watch.waitForRecovery() }
                if acknowledged.count == 30, round == 1 { break }
            }
            log.close()
        }
        files.fail(0..<0, with: .ioError)
        let entries = try AuditReader(directory: "audit", files: files).all()
        #expect(entries.map(\.index) == (0..<60).map { UInt64($0) })
        for entry in entries { #expect(acknowledged[entry.index] == entry.bytes) }
        #expect(files.openFiles == 0)
    }

    @Test(arguments: [AuditDurability.durable, .written], MemoryFileSystem.Fault.allCases)
    func `whichever call fails, no acknowledged record is lost, moved or doubled`(
        _ durability: AuditDurability,
        _ fault: MemoryFileSystem.Fault
    ) throws {
        var configuration = memory
        configuration.durability = durability
        for length in [1, 3] {
            var n = 0
            while true {
                let files = MemoryFileSystem()
                files.fail(n..<n + length, with: fault)
                try writeThroughFaults(files, configuration)
                if files.faults == 0 { break }
                n += 1
            }
            #expect(n > 40)
        }
    }

    @Test(arguments: [false, true])
    func `a record is on the disk before its submitter hears of it`(_ makesSpare: Bool) throws {
        let files = MemoryFileSystem()
        let log = try openLog(files, makesSpare: makesSpare)
        let random = Mutex(SeededGenerator(seed: 1))
        let lost = Mutex<[UInt64]>([])
        // The power goes at the very moment of the acknowledgement.
        let inbox = Inbox { sealed in
            let after = random.withLock { files.afterPowerCut(&$0) }
            let reader = try? AuditReader(directory: "audit", files: after)
            if (try? reader?.record(at: sealed.index)) != payload(Int(sealed.ticket), size: 200) {
                lost.withLock { $0.append(sealed.index) }
            }
        }
        let mailbox = inbox.mailbox
        for i in 0..<100 {
            log.submit(payload(i, size: 200), ticket: UInt64(i), to: mailbox)
            if i % 7 == 0 { inbox.wait(for: 1) }
        }
        inbox.wait(for: 100 - 15)
        #expect(lost.withLock { $0 } == [])
    }

    @Test(arguments: [false, true])
    func `after a power cut at any moment the log opens and holds all that was acknowledged`(
        _ makesSpare: Bool
    ) throws {
        for seed in 0..<40 {
            var random = SeededGenerator(seed: UInt64(seed))
            let files = MemoryFileSystem()
            let log = try openLog(files, makesSpare: makesSpare)
            let sealed = Mutex<[UInt64: [UInt8]]>([:])
            let inbox = Inbox { one in
                sealed.withLock { $0[one.index] = payload(Int(one.ticket), size: 200) }
            }
            let mailbox = inbox.mailbox
            let count = Int.random(in: 1...80, using: &random)
            for i in 0..<count {
                log.submit(payload(i, size: 200), ticket: UInt64(i), to: mailbox)
            }
            let acknowledged = sealed.withLock { $0 }
            let after = files.afterPowerCut(&random)
            inbox.wait(for: count)
            log.close()

            let reopened = try openLog(after)
            let reader = reopened.reader()
            for (index, bytes) in acknowledged { #expect(try reader.record(at: index) == bytes) }
            #expect(try reader.all().count == Int(reopened.size))
            #expect(reopened.write([payload(7)]).map(\.outcome) == [.sealed])
            reopened.close()
        }
    }

    @Test func `written records outlive a failed sync and a later power cut`() throws {
        for seed in 0..<20 {
            var random = SeededGenerator(seed: UInt64(seed))
            let files = MemoryFileSystem()
            let watch = HealthWatch()
            var configuration = memory
            configuration.durability = .written
            let log = try openLog(files, configuration, onHealth: watch.note)
            #expect(log.write((0..<15).map { payload($0, size: 200) }).allSatisfy { $0.outcome == .sealed })
            // The group needs a new segment, the old one is synced for it, and that fails: its pages are called clean.
            files.fail(0..<1, with: .ioError)
            #expect(log.write((15..<25).map { payload($0, size: 200) }).allSatisfy { $0.outcome == .failed })
            watch.waitForRecovery()
            #expect(log.write([payload(15, size: 200)]).map(\.index) == [15])
            log.close()
            let after = files.afterPowerCut(&random)
            let entries = try AuditReader(directory: "audit", files: after).all()
            #expect(entries.map(\.bytes) == (0..<16).map { payload($0, size: 200) })
        }
    }

    @Test func `a sync that fails beside the writer costs no acknowledged record, and the health tells of it`() throws {
        for seed in 0..<10 {
            var random = SeededGenerator(seed: UInt64(seed))
            let files = MemoryFileSystem()
            let watch = HealthWatch()
            let clock = ManualClock(UnixTime(nanoseconds: 0))
            var configuration = memory
            configuration.durability = .written
            configuration.segmentBytes = 1 << 26
            let log = try AuditLog(
                configuration: configuration,
                time: .manual(clock),
                files: files,
                onHealth: watch.note
            )
            var acknowledged: [UInt64: [UInt8]] = [:]
            func write(_ number: Int) {
                let record = payload(number, size: 1000)
                for one in log.write([record]) where one.outcome == .sealed { acknowledged[one.index] = record }
            }
            for number in 0..<10 { write(number) }
            files.fail(0..<1_000_000, with: .ioError, operations: ["fdatasync"])
            clock.advance(seconds: 2)
            var number = 10
            while watch.changes.withLock({ $0.isEmpty }) {
                try #require(number < 20_000)
                write(number)
                number += 1
            }
            files.fail(0..<0, with: .ioError)
            watch.waitForRecovery()
            write(number)
            #expect(log.metrics.faults > 0)
            let after = try AuditReader(directory: "audit", files: files.afterPowerCut(&random)).all()
            // The last one came after what recovery brought to the disk.
            for (index, bytes) in acknowledged where index + 1 < log.size { #expect(after[Int(index)].bytes == bytes) }
            log.close()
            #expect(files.openFiles == 0)
        }
    }

    @Test(arguments: [AuditDurability.durable, .written])
    func `what failed does not come back when the process is killed later`(_ durability: AuditDurability) throws {
        let files = MemoryFileSystem()
        let watch = HealthWatch()
        var configuration = memory
        configuration.durability = durability
        let log = try openLog(files, configuration, onHealth: watch.note)
        _ = log.write([payload(0)])
        // Half of a failed write is in the file, all of a failed sync's.
        files.fail(0..<2, with: .ioError, operations: durability == .durable ? ["fdatasync"] : ["write"])
        #expect(log.write((1..<9).map { payload($0) }).allSatisfy { $0.outcome == .failed })
        watch.waitForRecovery()
        #expect(log.write([payload(100)]).map(\.index) == [1])
        let entries = try AuditReader(directory: "audit", files: files.afterKill()).all()
        #expect(entries.map(\.bytes) == [payload(0), payload(100)])
    }

    @Test func `when a new segment cannot be made, the next record waits for it, large or small`() throws {
        let files = MemoryFileSystem()
        let watch = HealthWatch()
        let log = try openLog(files, onHealth: watch.note)
        _ = log.write([payload(0, size: 3000)])
        files.fail(0..<1_000_000, with: .noSpace, operations: ["fsync"])
        #expect(log.write([payload(1, size: 3000)]).map(\.outcome) == [.failed])
        files.fail(0..<0, with: .noSpace)
        watch.waitForRecovery()
        // This one would have fitted the old segment.
        #expect(log.write([payload(1)]).map(\.index) == [1])
        log.close()
        let reopened = try openLog(files)
        #expect(try reopened.reader().all().map(\.bytes) == [payload(0, size: 3000), payload(1)])
    }

    @Test func `while the disk fails every submission fails at once, and the health says why`() throws {
        let files = MemoryFileSystem()
        let watch = HealthWatch()
        let log = try openLog(files, onHealth: watch.note)
        #expect(log.write([payload(0)]).map(\.outcome) == [.sealed])
        files.fail(0..<1_000_000, with: .noSpace)
        for _ in 0..<5 { #expect(log.write([payload(1), payload(2)]).map(\.outcome) == [.failed, .failed]) }
        guard case .failed(let reason) = log.health else {
            Issue.record("the log calls itself healthy")
            return
        }
        #expect(reason.contains("00000000000000000000.journal"))
        #expect(reason.contains("No space left on device"))
        #expect(log.metrics.failures == 10)
        #expect(log.size == 1)
        files.fail(0..<0, with: .noSpace)
        watch.waitForRecovery()
        #expect(log.health == .writing)
        #expect(log.write([payload(3)]).map(\.index) == [1])
        #expect(watch.changes.withLock { $0.last } == .writing)
        log.close()
        #expect(try AuditReader(directory: "audit", files: files).all().map(\.bytes) == [payload(0), payload(3)])
    }

    @Test(arguments: [AuditDurability.durable, .written], [0, 3000])
    func `a full disk is not called well before there is room for a group`(
        _ durability: AuditDurability,
        _ free: Int
    ) throws {
        let files = MemoryFileSystem()
        let watch = HealthWatch()
        var configuration = memory
        configuration.durability = durability
        let log = try openLog(files, configuration, onHealth: watch.note)
        _ = log.write([payload(0)])
        files.fill(leaving: free)
        var number = 1
        while log.isWriting {
            try #require(number < 100)
            _ = log.write([payload(number, size: 600)])
            number += 1
        }
        let sealed = log.size
        let faults = log.metrics.faults
        // It has tried again and again by now.
        while log.metrics.faults < faults + 4 { #expect(log.write([payload(0)]).map(\.outcome) == [.failed]) }
        #expect(!watch.changes.withLock { $0.contains(.writing) })
        #expect(!log.isWriting)
        files.fill(leaving: nil)
        watch.waitForRecovery()
        #expect(log.isWriting)
        #expect(log.write([payload(0)]).map(\.index) == [sealed])
        log.close()
        #expect(try AuditReader(directory: "audit", files: files).all().count == Int(sealed) + 1)
        #expect(files.openFiles == 0)
    }

    @Test(arguments: [AuditDurability.durable, .written])
    func `nothing is acknowledged in a file that was removed, until it is back`(_ durability: AuditDurability) throws {
        let files = MemoryFileSystem()
        let watch = HealthWatch()
        var configuration = memory
        configuration.durability = durability
        let log = try openLog(files, configuration, onHealth: watch.note)
        #expect(log.write([payload(0)]).map(\.outcome) == [.sealed])
        let segment = try #require(files.segments.first)
        files.move(segment, to: "elsewhere")
        #expect(log.write([payload(1)]).map(\.outcome) == [.failed])
        guard case .failed(let reason) = log.health else {
            Issue.record("the log calls itself healthy")
            return
        }
        #expect(reason.contains(segment))
        #expect(reason.contains("put it back"))
        let faults = log.metrics.faults
        while log.metrics.faults < faults + 3 { #expect(log.write([payload(1)]).map(\.outcome) == [.failed]) }
        #expect(files.segments.isEmpty)
        // A copy will do as well, but not of the wrong file.
        files[segment] = Array("TGAUDIT\u{1}".utf8)
        while true {
            if case .failed(let reason) = log.health, reason.contains("record 0 is lost") { break }
        }
        files[segment] = files["elsewhere"]
        watch.waitForRecovery()
        #expect(log.write([payload(2)]).map(\.index) == [1])
        log.close()
        #expect(try AuditReader(directory: "audit", files: files).all().map(\.bytes) == [payload(0), payload(2)])
        #expect(files.openFiles == 0)
    }

    @Test func `a process after one whose sync failed builds on the disk, not on the page cache`() throws {
        for seed in 0..<20 {
            var random = SeededGenerator(seed: UInt64(seed))
            let files = MemoryFileSystem()
            let log = try openLog(files)
            _ = log.write([payload(0, size: 300)])
            files.fail(0..<1_000_000, with: .ioError, operations: ["fdatasync", "ftruncate"])
            #expect(log.write((1..<6).map { payload($0, size: 300) }).allSatisfy { $0.outcome == .failed })
            log.close()
            files.fail(0..<0, with: .ioError)
            let next = try openLog(files)
            #expect(next.write([payload(9, size: 300)]).map(\.outcome) == [.sealed])
            let after = files.afterPowerCut(&random)
            let entries = try AuditReader(directory: "audit", files: after).all()
            #expect(entries.first?.bytes == payload(0, size: 300))
            #expect(entries.last?.bytes == payload(9, size: 300))
        }
    }

    @Test func `a log that fails can be closed, and opens again when the disk is well`() throws {
        let files = MemoryFileSystem()
        let log = try openLog(files)
        _ = log.write([payload(0)])
        files.fail(0..<1_000_000, with: .ioError)
        #expect(log.write([payload(1)]).map(\.outcome) == [.failed])
        log.close()
        files.fail(0..<0, with: .ioError)
        let reopened = try openLog(files)
        #expect(try reopened.reader().record(at: 0) == payload(0))
        reopened.close()
        #expect(files.openFiles == 0)
    }
}
