// SPDX-License-Identifier: Apache-2.0

import Audit
import Foundation
import GRDB
import GatewayCore
import TestSupport
import Testing

@testable import Storage

/// What searches of the index find.
@Suite struct AuditIndexTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    @Test func `the columns come from the record's own members`() {
        let record = """
            {"action":"predict","change":{"tenant":"other","time":"2001-01-01"},"decision":"refused","key_id":"Ab3dEf9h",\
            "limits":[{"status":1}],"model":"digits","reason":"rate_exceeded","request_id":"r-\\u00e91","status":429,\
            "tenant":"acme","time":"2026-11-24T06:13:28.000001Z","v":1}
            """
        let entry = AuditIndexEntry(index: 7, record: Array(record.utf8))
        #expect(entry.index == 7)
        #expect(entry.time == UnixTime("2026-11-24T06:13:28.000001Z"))
        #expect(entry.tenant == "acme")
        #expect(entry.keyID == "Ab3dEf9h")
        #expect(entry.requestID == "r-é1")
        #expect(entry.status == 429)
        #expect(entry.reason == "rate_exceeded")
        #expect(entry.decision == "refused")
        #expect(entry.action == "predict")
        #expect(entry.model == "digits")
    }

    @Test(arguments: ["", "{", "[]", "null", "{\"tenant\":5,\"status\":\"x\",\"time\":\"yesterday\"}", "\u{0}{}"])
    func `a record that says nothing useful is found by its index alone`(record: String) throws {
        let bare = AuditIndexEntry(index: 0, record: Array(record.utf8))
        #expect(bare == entry(0))
        let index = try AuditIndex(path: folder.index)
        try index.append([bare])
        #expect(try index.search(AuditQuery()) == [0])
    }

    /// Every query must find what a plain filter over all rows finds.
    @Test func `all combinations of conditions find what a plain filter finds`() throws {
        var random = SeededGenerator(seed: 11)
        func one(_ values: [String?]) -> String? { values.randomElement(using: &random)! }
        var all: [AuditIndexEntry] = []
        for number in 0..<9000 {
            all.append(
                entry(UInt64(number)) { entry in
                    entry.tenant = one(["acme", "acme", "globex", nil])
                    entry.keyID = one(["k1", "k2", nil])
                    entry.requestID = number % 3 == 0 ? uuid(number / 6) : "r\(number / 2)"
                    entry.status = [200, 200, 429, 401, nil].randomElement(using: &random)!
                    entry.reason = one(["ok", "ok", "rate_exceeded", "token_expired"])
                    entry.decision = one(["allowed", "allowed", "refused"])
                    entry.action = one(["predict", "predict", "key.revoke", nil])
                    entry.model = one(["digits", "iris", nil])
                    entry.modelVersion = [1, 2, nil].randomElement(using: &random)!
                    entry.source = one(["10.0.0.7", "10.0.0.8", "2001:db8::\(number % 4000)", nil])
                    entry.subject = one(["svc:billing", "user-\(number % 700)", nil])
                    entry.issuer = one(["https://idp.example", nil, nil])
                    entry.target = one(["tenant/acme", nil, nil, nil])
                    entry.detail = one(["Länge \(number) of 7 bytes", "plan \\\"gold\\\" is used up", nil, nil])
                    // Not quite in order, as records of requests that overlap.
                    entry.time =
                        number % 50 == 0
                        ? nil : UnixTime(seconds: now.seconds + Int64(number) + .random(in: -90...90, using: &random))
                }
            )
        }
        let index = try AuditIndex(path: folder.index)
        for start in stride(from: 0, to: all.count, by: 700) {
            try index.append(Array(all[start..<min(start + 700, all.count)]))
        }
        #expect(index.indexedSize == 9000)

        var found = 0
        var text: String?
        for _ in 0..<600 {
            func maybe<Value>(_ value: Value?, _ odds: Int = 4) -> Value? {
                Int.random(in: 0..<odds, using: &random) == 0 ? value : nil
            }
            var query = AuditQuery(limit: .random(in: 0...50, using: &random), newestFirst: .random(using: &random))
            query.tenant = maybe(one(["acme", "globex", "none"]))
            query.keyID = maybe(one(["k1", "k2"]))
            query.requestID = maybe("r\(Int.random(in: 0..<4800, using: &random))", 20)
            if let number = maybe(Int.random(in: 0..<1600, using: &random), 20) { query.requestID = uuid(number) }
            query.status = maybe([200, 429, 401].randomElement(using: &random)!)
            query.reason = maybe(one(["ok", "rate_exceeded"]))
            query.decision = maybe(one(["allowed", "refused"]))
            query.action = maybe(one(["predict", "key.revoke"]))
            query.model = maybe(one(["digits", "iris"]))
            query.modelVersion = maybe([1, 2, 3].randomElement(using: &random)!, 8)
            query.source = maybe(one(["10.0.0.7", "2001:db8::\(Int.random(in: 0..<4000, using: &random))"]), 8)
            query.subject = maybe(one(["svc:billing", "user-\(Int.random(in: 0..<700, using: &random))"]), 8)
            let words = one([
                "gold", "LÄNGE", "lange", "Länge", "10.0.0.7", "acme digits", "bytes 2*", "\"used up\"", "429",
            ])
            query.words = maybe(AuditWords(words ?? ""), 4)
            text = query.words == nil ? nil : words
            query.since = maybe(UnixTime(seconds: now.seconds + .random(in: -100...9200, using: &random)))
            query.until = maybe(UnixTime(seconds: now.seconds + .random(in: -100...9200, using: &random)))
            query.afterIndex = maybe(.random(in: 0..<9300, using: &random))
            query.beforeIndex = maybe(.random(in: 0..<9300, using: &random))
            let expected = all.filter { query.matches($0) && (text.map($0.has) ?? true) }.map(\.index)
            let ordered = query.newestFirst ? Array(expected.reversed()) : expected
            try #require(try index.search(query) == Array(ordered.prefix(query.limit)), "\(query)")
            found += expected.count
        }
        #expect(found > 10_000)
    }

    @Test func `pages neither repeat nor skip a record while records are appended`() throws {
        let index = try AuditIndex(path: folder.index)
        var next: UInt64 = 0
        func grow() throws {
            try index.append((0..<10).map { offset in entry(next + offset) { $0.tenant = "t\((next + offset) % 3)" } })
            next += 10
        }
        for _ in 0..<20 { try grow() }
        var newest = AuditQuery(limit: 7)
        newest.tenant = "t1"
        var seen: [UInt64] = []
        while case let page = try index.search(newest), let last = page.last {
            seen += page
            newest.beforeIndex = last
            try grow()
        }
        #expect(seen == (0..<200).filter { $0 % 3 == 1 }.reversed())

        var oldest = AuditQuery(limit: 9, newestFirst: false)
        oldest.tenant = "t2"
        seen = []
        for round in 0... {
            let page = try index.search(oldest)
            guard let last = page.last else { break }
            seen += page
            oldest.afterIndex = last
            if round < 5 { try grow() }
        }
        #expect(seen == (0..<next).filter { $0 % 3 == 2 })
    }

    @Test func `a page that ends early says where to go on, and nothing is lost or found twice`() throws {
        let index = try AuditIndex(path: folder.index)
        try index.append(
            (0..<40_000).map { number in
                entry(number) {
                    $0.tenant = number % 3 == 0 ? "acme" : "globex"
                    $0.source = number % 5 == 0 ? "10.0.0.7" : "10.0.0.8"
                }
            }
        )
        let expected = (0..<UInt64(40_000)).filter { $0 % 15 == 0 }
        for newestFirst in [true, false] {
            var query = AuditQuery(limit: 300, newestFirst: newestFirst)
            query.tenant = "acme"
            query.source = "10.0.0.7"
            var seen: [UInt64] = []
            var pages = 0
            while true {
                let page = try index.page(query) { true }
                seen += page.indices
                pages += 1
                guard let next = page.next else { break }
                if newestFirst { query.beforeIndex = next } else { query.afterIndex = next == 0 ? nil : next - 1 }
            }
            #expect(seen == (newestFirst ? expected.reversed() : expected))
            #expect(pages > 3)
        }
    }

    @Test(arguments: ["", "  ", "-- ,;", "\"", "a \"b", String(repeating: "a ", count: 17)])
    func `a text without words, or with half a phrase, is no search`(text: String) {
        #expect(AuditWords(text) == nil)
    }

    @Test func `words are never read as the index's own query language`() throws {
        let index = try AuditIndex(path: folder.index)
        try index.append([entry(0) { $0.detail = "alpha NOT beta" }, entry(1) { $0.detail = "alpha" }])
        func search(_ text: String) throws -> [UInt64] {
            var query = AuditQuery(newestFirst: false)
            query.words = AuditWords(text)
            return try index.search(query)
        }
        #expect(try search("alpha NOT beta") == [0])
        #expect(try search("words:alpha").isEmpty)
        #expect(try search("alpha OR gamma").isEmpty)
        #expect(try search("NEAR(alpha)").isEmpty)
        #expect(try search("alp*") == [0, 1])
        #expect(try search("'; DROP TABLE records; --x").isEmpty)
        #expect(try search("\"alpha beta\"").isEmpty)
    }
}

extension AuditIndexEntry {
    /// Whether its texts have all the words, by a plain look.
    fileprivate func has(_ text: String) -> Bool {
        let values = [
            [keyID, tenant, model, status.map(String.init), reason, decision, action, modelVersion.map(String.init)],
            [source, subject, clientID, issuer], [target, detail],
        ].map { $0.compactMap { $0.map(Self.words) }.flatMap { $0 } }
        let phrases = text.contains("\"") ? [text] : text.split(separator: " ").map(String.init)
        return phrases.allSatisfy { phrase in
            let wanted = Self.words(phrase)
            return values.contains { words in
                guard words.count >= wanted.count else { return false }
                return (0...words.count - wanted.count).contains { start in
                    phrase.last == "*"
                        ? words[start].hasPrefix(wanted[0]) : Array(words[start..<start + wanted.count]) == wanted
                }
            }
        }
    }

    private static func words(_ text: String) -> [String] {
        text.folding(options: [.diacriticInsensitive, .caseInsensitive], locale: nil)
            .split { !$0.isLetter && !$0.isNumber }.map(String.init)
    }
}

extension AuditQuery {
    fileprivate func matches(_ entry: AuditIndexEntry) -> Bool {
        func equal<Value: Equatable>(_ wanted: Value?, _ value: Value?) -> Bool { wanted == nil || wanted == value }
        return equal(tenant, entry.tenant) && equal(keyID, entry.keyID) && equal(requestID, entry.requestID)
            && equal(model, entry.model) && equal(status, entry.status) && equal(reason, entry.reason)
            && equal(decision, entry.decision) && equal(action, entry.action)
            && equal(modelVersion, entry.modelVersion) && equal(source, entry.source)
            && equal(subject, entry.subject)
            && since.map { since in entry.time.map { $0 >= since } ?? false } ?? true
            && until.map { until in entry.time.map { $0 < until } ?? false } ?? true
            && afterIndex.map { entry.index > $0 } ?? true && beforeIndex.map { entry.index < $0 } ?? true
    }
}
