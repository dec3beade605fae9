// SPDX-License-Identifier: Apache-2.0

import Audit
import Foundation
import GRDB
import GatewayCore
import TestSupport
import Testing

@testable import Storage

/// How the search index is built from the log and stays right: what it finds is in `AuditIndexTests`.
@Suite struct AuditIndexFollowTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    @Test func `searches on other threads see whole batches`() throws {
        let index = try AuditIndex(path: folder.index)
        DispatchQueue.concurrentPerform(iterations: 2) { thread in
            do {
                for round in 0..<100 {
                    if thread == 0 {
                        try index.append((0..<10).map { entry(UInt64(round * 10) + $0) })
                    } else {
                        let found = try index.search(AuditQuery(limit: 2000, newestFirst: false))
                        #expect(found.count % 10 == 0)
                        #expect(found == Array(0..<UInt64(found.count)))
                    }
                }
            } catch { Issue.record(error) }
        }
        #expect(index.indexedSize == 1000)
    }

    @Test func `a reopened index goes on where it was, and takes a batch again without harm`() throws {
        var index = try AuditIndex(path: folder.index)
        let batch = (0..<5).map { number in entry(UInt64(number)) { $0.tenant = "acme" } }
        try index.append(Array(batch[..<3]))
        try index.close()
        index = try AuditIndex(path: folder.index)
        #expect(index.indexedSize == 3)
        try index.append(batch)
        try index.append(batch)
        #expect(index.indexedSize == 5)
        #expect(try index.search(AuditQuery(newestFirst: false)) == [0, 1, 2, 3, 4])
    }

    @Test func `a batch that leaves out a record is refused whole`() throws {
        let index = try AuditIndex(path: folder.index)
        try index.append([entry(0)])
        #expect(throws: StorageError.gap(expected: 1, found: 2)) { try index.append([entry(2)]) }
        #expect(throws: StorageError.gap(expected: 2, found: 3)) { try index.append([entry(1), entry(3)]) }
        #expect(index.indexedSize == 1)
        #expect(try index.search(AuditQuery()) == [0])
    }

    @Test(arguments: [1, 99]) func `an index of another release is started again`(version: Int) throws {
        try AuditIndex(path: folder.index).close()
        let old = try DatabaseQueue(path: folder.index)
        try old.write {
            try $0.execute(sql: "INSERT INTO records (id, kind) VALUES (0, 0); PRAGMA user_version = \(version)")
        }
        try old.close()
        let index = try AuditIndex(path: folder.index)
        #expect(index.indexedSize == 0)
        try index.append([entry(0)])
        #expect(try index.search(AuditQuery()) == [0])
    }

    @Test func `a damaged index is started again, a file that is none is left alone`() throws {
        let index = try AuditIndex(path: folder.index)
        try index.append((0..<500).map { number in entry(number) { $0.requestID = "request \(number)" } })
        try index.close()
        var bytes = try Data(contentsOf: URL(filePath: folder.index))
        bytes.replaceSubrange(100..<bytes.count, with: Data(repeating: 0xa5, count: bytes.count - 100))
        try bytes.write(to: URL(filePath: folder.index))
        #expect(try AuditIndex(path: folder.index).indexedSize == 0)

        let text = Data("not an index".utf8)
        try text.write(to: URL(filePath: folder.file("notes")))
        #expect(throws: StorageError.foreign(path: folder.file("notes"))) {
            try AuditIndex(path: folder.file("notes"))
        }
        #expect(try Data(contentsOf: URL(filePath: folder.file("notes"))) == text)
    }

    @Test func `an index follows a reader of the log, in steps, and goes on where it was`() throws {
        let log = try filledLog(250)
        var index = try AuditIndex(path: folder.index)
        #expect(try index.follow(log, atMost: 100) == 100)
        #expect(index.indexedSize == 100)
        try index.close()
        index = try AuditIndex(path: folder.index)
        log.seek(to: 7)
        #expect(try index.follow(log, atMost: 100) == 100)
        #expect(try index.follow(log, atMost: 100) == 50)
        #expect(try index.follow(log, atMost: 100) == 0)
        var query = AuditQuery(limit: 1000, newestFirst: false)
        #expect(try index.search(query) == Array(0..<250))
        query.status = 429
        #expect(try index.search(query) == (0..<250).filter { $0 % 10 == 0 })
        query.requestID = uuid(20)
        #expect(try index.search(query) == [20])
        query.requestID = "name \"21\""
        query.status = nil
        #expect(try index.search(query) == [21])
    }

    @Test func `records in front of a damaged one are found`() throws {
        let log = try filledLog(250)
        let segment = folder.file("audit/journal/00000000000000000000.journal")
        var bytes = try Data(contentsOf: URL(filePath: segment))
        let place = try #require(bytes.range(of: Data(uuid(120).utf8)))
        bytes[place.lowerBound + 3] ^= 1
        try bytes.write(to: URL(filePath: segment))
        let index = try AuditIndex(path: folder.index)
        #expect(throws: AuditError.self) { try index.follow(log, atMost: 1000) }
        #expect(index.indexedSize == 120)
        #expect(throws: AuditError.self) { try index.follow(log, atMost: 1000) }
        #expect(try index.search(AuditQuery(limit: 1)) == [119])
    }

    @Test func `the index knows where records lie, so that a journal just opened is read from there`() throws {
        let log = try filledLog(250)
        let index = try AuditIndex(path: folder.index)
        #expect(try index.follow(log, atMost: 1000) == 250)
        let fresh = try AuditReader(directory: folder.file("audit"))
        let indices: [UInt64] = [249, 64, 63, 0, 130]
        let places = try index.places(before: indices)
        #expect(places.map { $0?.index } == [192, 64, 0, 0, 128])
        for (number, place) in zip(indices, places) {
            log.seek(to: number)
            #expect(try fresh.record(at: number, after: place) == log.next()?.bytes)
        }
        // A wrong place is seen, not read.
        #expect(throws: AuditError.self) {
            try fresh.record(at: 249, after: (200, AuditPlace(segment: 0, offset: 4242)))
        }
    }

    /// A log on the disk in which every tenth request is refused, and every request with an odd number names itself.
    private func filledLog(_ count: Int) throws -> AuditReader {
        let configuration = AuditConfiguration(directory: folder.file("audit"), durability: .written, gateway: "g")
        let log = try AuditLog(configuration: configuration, time: .system)
        let sealed = DispatchSemaphore(value: 0)
        let batch = RecordBatch(mailbox: Mailbox { sealed.signal() })
        for number in 0..<count {
            var record = AuditRecord(
                time: now + Int64(number),
                gateway: "g",
                durability: .written,
                decision: .allowed,
                reason: .ok
            )
            record.requestID = number % 2 == 0 ? uuid(number) : "name \"\(number)\""
            record.status = number % 10 == 0 ? 429 : 200
            batch.append(record, ticket: UInt64(number))
        }
        log.submit(batch)
        sealed.wait()
        log.close()
        return try AuditReader(directory: folder.file("audit"))
    }

    @Test func `what a failed transaction wrote is written again`() throws {
        struct Fault: Error {}
        let index = try AuditIndex(path: folder.index)
        let first = entry(0) { $0.tenant = "acme" }
        #expect(throws: StorageError.self) {
            try index.write { write in
                try first.withFields { try write($0, 0, nil) }
                throw Fault()
            }
        }
        try index.append([first])
        var query = AuditQuery()
        query.tenant = "acme"
        #expect(try index.search(query) == [0])
    }
}
