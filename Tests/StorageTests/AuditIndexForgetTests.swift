// SPDX-License-Identifier: Apache-2.0

import GRDB
import GatewayCore
import TestSupport
import Testing

@testable import Storage

struct AuditIndexForgetTests {
    private let folder: TemporaryDirectory
    private let index: AuditIndex
    private static let records: [[UInt8]] = (0..<3000).map { number in
        let record: JSON = [
            "action": "predict", "detail": .string("note number \(number / 500)"), "reason": "ok",
            "request_id": .string("request-\(number)"),
            "source": ["address": .string("192.0.2.\(number / 100)"), "port": 1],
            "subject": .string("person-\(number / 1000)"), "tenant": .string("tenant-\(number % 2)"),
            "time": "2026-11-24T06:13:28.000001Z",
        ]
        return Array(record.serialized().utf8)
    }

    init() throws {
        folder = try TemporaryDirectory()
        index = try AuditIndex(path: folder.index)
        try index.append(entries(0..<3000))
    }

    private func entries(_ range: Range<Int>) -> [AuditIndexEntry] {
        range.map { AuditIndexEntry(index: UInt64($0), record: Self.records[$0]) }
    }

    private func found(_ change: (inout AuditQuery) -> Void) throws -> Int {
        var query = AuditQuery(limit: 5000)
        change(&query)
        return try index.search(query).count
    }

    private func count(_ table: String) throws -> Int? {
        try DatabaseQueue(path: folder.index).read { try Int.fetchOne($0, sql: "SELECT count(*) FROM \(table)") }
    }

    @Test func `records that are forgotten are found by nothing, and leave no word behind`() throws {
        for bundle in stride(from: 0, to: 2048, by: 256) { try index.forget(entries(bundle..<bundle + 256)) }
        try index.sweep(before: 2048)
        #expect(try found { _ in } == 952)
        #expect(try found { $0.subject = "person-1" } == 0)
        #expect(try found { $0.subject = "person-2" } == 952)
        #expect(try found { $0.requestID = "request-7" } == 0)
        #expect(try found { $0.requestID = "request-2500" } == 1)
        #expect(try found { $0.words = AuditWords("person-0") } == 0)
        #expect(try found { $0.words = AuditWords("number 5") } == 500)
        #expect(try count("callers") == 10)
        #expect(try count("requests") == 952)
        // What comes afterwards is found, also when it is like what went.
        try index.append([
            AuditIndexEntry(index: 3000, record: Self.records[3]),
            AuditIndexEntry(index: 3001, record: Self.records[2999]),
        ])
        #expect(try found { $0.subject = "person-0" } == 1)
        #expect(try found { $0.words = AuditWords("person-0") } == 1)
        #expect(try found { $0.tenant = "tenant-1" } == 478)
    }

    @Test func `a tenant's records alone are forgotten, and the check does not miss them`() throws {
        try index.forget(entries(0..<1024), of: "tenant-1", until: 1024)
        #expect(try found { $0.tenant = "tenant-1" } == 988)
        #expect(try found { $0.tenant = "tenant-0" } == 1500)
        #expect(try index.forgotten() == ["tenant-1": 1024])
        try index.close()
        let check = try AuditIndexCheck(path: folder.index)
        for (number, record) in Self.records.enumerated() {
            #expect(try record.withUnsafeBytes { try check.take(UInt64(number), $0) } == nil)
        }
        #expect(try check.finish(logSize: 3000) == nil)
    }

    @Test func `what is taken out while the check goes on is no fault, and is counted`() throws {
        let check = try AuditIndexCheck(path: folder.index)
        for (number, record) in Self.records.enumerated() {
            // A tenant's own policy, behind and before the check's place; and records that are pruned behind it.
            if number == 1500 { try index.forget(entries(0..<2048), of: "tenant-1", until: 2048) }
            if number == 2500 { try index.forget(entries(0..<256)) }
            #expect(try record.withUnsafeBytes { try check.take(UInt64(number), $0) } == nil, "record \(number)")
        }
        #expect(try check.finish(logSize: 3000) == nil)
        #expect(check.leftOut == 512)
    }

    @Test func `a field is found in any of its forms`() throws {
        #expect(
            try found {
                $0.subject = "alice"
                $0.subjectForms = ["person-0", "person-2"]
            } == 2000
        )
        #expect(
            try found {
                $0.source = "192.0.2.0"
                $0.sourceForms = ["192.0.2.29", "it's \"none\""]
            } == 200
        )
    }
}
