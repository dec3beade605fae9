// SPDX-License-Identifier: Apache-2.0

import Audit
import Dispatch
import GatewayCore
import Synchronization
import TestSupport
import Testing

@Suite struct AuditLogTests {
    @Test func `every record of many threads gets an index of its own, without gaps and in each thread's order`() throws
    {
        let files = MemoryFileSystem()
        let log = try openLog(files)
        let inboxes = (0..<8).map { _ in Inbox() }
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            let mailbox = inboxes[thread].mailbox
            for i in 0..<300 {
                log.submit(payload(thread * 1000 + i), ticket: UInt64(i), to: mailbox)
            }
        }
        for inbox in inboxes { inbox.wait(for: 300) }
        var seen: Set<UInt64> = []
        let reader = log.reader()
        for (thread, inbox) in inboxes.enumerated() {
            let indices = (0..<300).map { inbox[UInt64($0)]!.index }
            #expect(indices == indices.sorted())
            seen.formUnion(indices)
            for i in stride(from: 0, to: 300, by: 37) {
                #expect(try reader.record(at: indices[i]) == payload(thread * 1000 + i))
            }
        }
        #expect(seen == Set(0..<2400))
        #expect(log.size == 2400)
        #expect(log.metrics.records == 2400)
    }

    @Test func `a batch comes back whole, with indices in its order, and can be filled again`() throws {
        let log = try openLog(MemoryFileSystem())
        let inbox = Inbox()
        let mailbox = inbox.mailbox
        for _ in 0..<3 { log.submit((0..<10).map { payload($0) }, to: mailbox) }
        inbox.wait(for: 30)
        #expect(inbox.deliveries.map { $0.map(\.ticket) } == Array(repeating: Array(0..<10), count: 3))
        #expect(inbox.deliveries.flatMap { $0.map(\.index) } == Array(0..<30))

        let woken = DispatchSemaphore(value: 0)
        let own = Mailbox { woken.signal() }
        let batch = RecordBatch(mailbox: own)
        for round in 0..<3 {
            for number in 0..<5 { batch.append(payload: payload(round * 5 + number), ticket: UInt64(number)) }
            log.submit(batch)
            woken.wait()
            var back: [RecordBatch] = []
            own.take(&back)
            #expect(back.count == 1 && back[0] === batch && batch.count == 5)
            #expect(batch.first == UInt64(30 + round * 5))
            batch.removeAll()
        }
        #expect(try log.reader().record(at: 44) == payload(14))
    }

    @Test func `after a restart the index goes on where it was`() throws {
        let files = MemoryFileSystem()
        for round in 0..<5 {
            let log = try openLog(files)
            #expect(log.size == UInt64(round * 30))
            #expect(log.recovery.cutBytes == 0)
            let sealed = log.write((0..<30).map { payload(round * 30 + $0, size: 100) })
            #expect(sealed.map(\.index) == (0..<30).map { UInt64(round * 30 + $0) })
            log.close()
        }
        #expect(files.segments.count > 2)
        let entries = try AuditReader(directory: "audit", files: files).all()
        #expect(entries.map(\.bytes) == (0..<150).map { payload($0, size: 100) })
        #expect(files.openFiles == 0)
    }

    @Test func `closing writes what waits and fails what comes later`() throws {
        let log = try openLog(MemoryFileSystem())
        let inbox = Inbox()
        let mailbox = inbox.mailbox
        log.submit((0..<100).map { payload($0) }, to: mailbox)
        log.close()
        inbox.wait(for: 100)
        #expect((0..<100).allSatisfy { inbox[$0]?.outcome == .sealed })
        #expect(log.write([payload(1)]).map(\.outcome) == [.failed])
        #expect(log.health != .writing)
        log.close()
    }

    @Test func `a payload may be as long as the log allows`() throws {
        let log = try openLog(MemoryFileSystem())
        let long = [UInt8](repeating: 65, count: AuditRecord.maximumBytes)
        #expect(log.write([payload(0), long, long]).map(\.outcome) == [.sealed, .sealed, .sealed])
        #expect(try log.reader().record(at: 2) == long)
    }

    @Test func `more than may wait fails at once instead of growing without end`() throws {
        var configuration = memory
        configuration.maximumQueuedBytes = 100
        let log = try openLog(MemoryFileSystem(), configuration)
        #expect(log.write([payload(0, size: 101)]).map(\.outcome) == [.failed])
        #expect(log.write([payload(0, size: 100)]).map(\.outcome) == [.sealed])
    }

    @Test func `a group takes at most a mebibyte, so that the first need not wait for the last`() throws {
        let files = HeldFileSystem()
        var configuration = memory
        configuration.segmentBytes = 1 << 23
        let log = try AuditLog(configuration: configuration, time: .system, files: files, makesSpare: false)
        let inbox = Inbox()
        let mailbox = inbox.mailbox
        files.hold()
        log.submit([payload(0)], to: mailbox)
        files.waitUntilHeld()
        // These wait together, two to a mebibyte; one alone is larger.
        let large = [UInt8](repeating: 65, count: 65_000)
        for _ in 0..<5 { log.submit(Array(repeating: large, count: 8), to: mailbox) }
        log.submit(Array(repeating: large, count: 20), to: mailbox)
        #expect(log.metrics.queued == 60)
        files.release()
        inbox.wait(for: 61)
        #expect(inbox.deliveries.flatMap { $0.map(\.index) } == Array(0..<61))
        log.close()
        #expect(log.metrics.groups == 5)
        #expect(log.metrics.queued == 0)
    }

    @Test func `written records do not wait for the disk, not even at the end of a segment`() throws {
        let files = HeldFileSystem()
        let clock = ManualClock(UnixTime(nanoseconds: 0))
        var configuration = memory
        configuration.durability = .written
        configuration.segmentBytes = 4 << 20
        let log = try AuditLog(configuration: configuration, time: .manual(clock), files: files)
        let group = Array(repeating: [UInt8](repeating: 65, count: 50_000), count: 5)
        func write() { #expect(log.write(group).allSatisfy { $0.outcome == .sealed }) }
        write()
        files.hold()
        clock.advance(seconds: 1)
        write()
        files.waitUntilHeld()
        // The sync is under way all the while; the segment would be full after 17 of the groups.
        for _ in 0..<16 { write() }
        #expect(log.size == 90)
        #expect(files.memory.segments.count == 1)
        files.release()
        while files.memory.segments.count == 1 { write() }
        let size = log.size
        log.close()
        let entries = try AuditReader(directory: "audit", files: files.memory).all()
        #expect(entries.count == Int(size))
        #expect(entries.allSatisfy { $0.bytes == group[0] })
        #expect(files.memory.openFiles == 0)
    }

    @Test func `a second writer of the same journal is refused until the first is closed`() throws {
        let directory = try TemporaryDirectory()
        let configuration = AuditConfiguration(directory: directory.path + "/audit", gateway: "gw")
        let log = try AuditLog(configuration: configuration, time: .system)
        let error = #expect(throws: AuditError.self) { try AuditLog(configuration: configuration, time: .system) }
        #expect(error?.code == .locked)
        #expect(error?.file == directory.path + "/audit/journal/lock")
        log.close()
        #expect(throws: Never.self) { try AuditLog(configuration: configuration, time: .system).close() }
    }

    @Test(arguments: [AuditDurability.durable, .written])
    func `records on a real disk are there after a restart`(_ durability: AuditDurability) throws {
        let directory = try TemporaryDirectory()
        let configuration = AuditConfiguration(
            directory: directory.path + "/a/b",
            durability: durability,
            segmentBytes: 10_000,
            gateway: "gw"
        )
        let log = try AuditLog(configuration: configuration, time: .system)
        for i in 0..<50 {
            #expect(log.write((0..<10).map { payload(i * 10 + $0, size: 100) }).allSatisfy { $0.outcome == .sealed })
        }
        if durability == .durable { #expect(log.metrics.syncs == 50) }
        log.close()
        let entries = try AuditReader(directory: configuration.directory).all()
        #expect(entries.map(\.bytes) == (0..<500).map { payload($0, size: 100) })
    }

    @Test func `the journal's files are for the owner alone`() throws {
        let directory = try TemporaryDirectory()
        let configuration = AuditConfiguration(directory: directory.path + "/audit", gateway: "gw")
        let log = try AuditLog(configuration: configuration, time: .system)
        _ = log.write([payload(0)])
        #expect(directory.mode("audit/journal") == 0o700)
        #expect(directory.mode("audit/journal/00000000000000000000.journal") == 0o600)
    }
}
