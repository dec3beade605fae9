// SPDX-License-Identifier: Apache-2.0

import GRDB
import GatewayCore
import TestSupport
import Testing

@testable import Storage

struct AuditIndexCheckTests {
    private let folder: TemporaryDirectory
    private static let records: [[UInt8]] = (0..<5000).map { number in
        let record: JSON = [
            "action": "predict", "decision": "allowed", "key_id": .string("key-\(number % 3)"), "model": "digits",
            "reason": "ok", "request_id": .string("request-\(number)"),
            "status": .integer(number % 10 == 0 ? 429 : 200),
            "tenant": .string("tenant-\(number % 7)"),
            "time": .string("2026-11-24T06:\(10 + number / 200):28.000001Z"),
        ]
        return Array(record.serialized().utf8)
    }

    init() throws {
        folder = try TemporaryDirectory()
        let index = try AuditIndex(path: folder.index)
        // In two lives, since the second one knows nothing of what the first wrote.
        try index.append(entries(0..<4500))
        try index.close()
        let next = try AuditIndex(path: folder.index)
        try next.append(entries(4500..<5000))
        try next.close()
    }

    private func entries(_ range: Range<Int>) -> [AuditIndexEntry] {
        range.map { AuditIndexEntry(index: UInt64($0), record: Self.records[$0]) }
    }

    private func check(_ records: [[UInt8]] = records, logSize: UInt64? = 5000) throws -> AuditIndexCheck.Disagreement?
    {
        let check = try AuditIndexCheck(path: folder.index)
        for (index, record) in records.enumerated() {
            if let wrong = try record.withUnsafeBytes({ try check.take(UInt64(index), $0) }) { return wrong }
        }
        return try check.finish(logSize: logSize)
    }

    private func change(_ sql: String) throws {
        let queue = try DatabaseQueue(path: folder.index)
        try queue.write { try $0.execute(sql: sql) }
        try queue.close()
    }

    @Test func `an index as it was built agrees with the log, also one that is behind it`() throws {
        #expect(try check() == nil)
        #expect(try check(Self.records + [Self.records[0]], logSize: 5001) == nil)
        #expect(try check(Array(Self.records.prefix(100)), logSize: nil) == nil)
    }

    @Test func `an index that is longer than the log does not agree`() throws {
        #expect(try check(Array(Self.records.prefix(4999)), logSize: 4999)?.record == 4999)
    }

    @Test(
        arguments: [
            ("UPDATE records SET time = time + 1 WHERE id = 4321", 4321),
            ("DELETE FROM records WHERE id = 77", 77),
            ("UPDATE records SET kind = 999999 WHERE id = 78", 78),
            ("UPDATE kinds SET tenant = 'other' WHERE tenant = 'tenant-3'", 3),
            ("UPDATE kinds SET status = 500 WHERE status = 429", 0),
            ("UPDATE requests SET request_id = 'x' WHERE id = 1234", 1234),
            ("DELETE FROM requests WHERE id = 4999", 4999),
            ("DELETE FROM marks WHERE block = 4 AND field = 2 AND value = 'tenant-1'", 4096),
            ("DELETE FROM marks WHERE block = 4", 4096),
            ("UPDATE minutes SET first = first + 1 WHERE first = 200", 200),
            ("INSERT INTO requests VALUES ('request-5', 6)", 0),
        ]
    )
    func `what was changed in the index is found`(sql: String, record: UInt64) throws {
        try change(sql)
        let wrong = try #require(try check())
        if sql.contains("block = 1") {
            // The first of that kind in the block.
            #expect((4096..<4110).contains(wrong.record))
        } else {
            #expect(wrong.record == record)
        }
    }

    @Test func `what is no index is refused`() throws {
        #expect(throws: StorageError.self) { _ = try AuditIndexCheck(path: folder.file("none.sqlite")) }
        let store = try Store(path: folder.store)
        try store.close()
        #expect(throws: StorageError.self) { _ = try AuditIndexCheck(path: folder.store) }
    }
}
