// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Audit

@Suite struct RecordFieldsTests {
    /// The members as values, to be compared.
    private struct Found: Hashable {
        var texts: [String: [UInt8]] = [:]
        var numbers: [String: Int64] = [:]

        init(_ fields: RecordFields) {
            for (name, text) in [
                ("action", fields.action), ("decision", fields.decision), ("key_id", fields.keyID),
                ("model", fields.model), ("reason", fields.reason), ("request_id", fields.requestID),
                ("tenant", fields.tenant), ("subject", fields.subject), ("client_id", fields.clientID),
                ("issuer", fields.issuer), ("target", fields.target), ("address", fields.source),
            ] { texts[name] = text.map { Array($0) } }
            numbers["status"] = fields.status
            numbers["model_version"] = fields.modelVersion
            numbers["time"] = fields.time?.nanoseconds
            numbers["requests"] = fields.chargedRequests
            numbers["delay_us"] = fields.chargeDelayMicros
        }

        /// As the general parser sees them; nothing for what it refuses.
        init(parsing bytes: [UInt8]) {
            guard let json = try? JSON.parse(bytes, depth: 40) else { return }
            for name in [
                "action", "decision", "key_id", "model", "reason", "request_id", "tenant", "subject", "client_id",
                "issuer",
                "target",
            ] {
                texts[name] = (json[name]?.string).map { Array($0.utf8) }
            }
            texts["address"] = (json["source"]?["address"]?.string).map { Array($0.utf8) }
            numbers["status"] = json["status"]?.integer
            numbers["model_version"] = json["model_version"]?.integer
            numbers["time"] = json["time"]?.string.flatMap { UnixTime($0) }?.nanoseconds
            numbers["requests"] = json["charge"]?["requests"]?.integer
            numbers["delay_us"] = json["charge"]?["delay_us"]?.integer
        }
    }

    private func found(_ bytes: [UInt8]) -> Found { bytes.withUnsafeBytes { RecordFields.read($0) { Found($0) } } }
    private func scanned(_ bytes: [UInt8]) -> Found? {
        bytes.withUnsafeBytes { RecordFields(canonical: $0).map { Found($0) } }
    }

    private static let hostile = [
        #"x","status":200,"y":""#, #"","tenant":"other"#, #"\"#, #"\\"#, #"",""#, "}", #"{"charge":{"requests":7}}"#,
        "\u{2028}\",\"time\":\"2001-01-01T00:00:00.000000Z",
    ]

    private func hostileRecord(_ random: inout SeededGenerator) -> AuditRecord {
        var record = RandomRecord.make(&random)
        func text() -> String { Self.hostile.randomElement(using: &random)! }
        if Bool.random(using: &random) { record.detail = text() }
        if Bool.random(using: &random) { record.target = text() + text() }
        if Bool.random(using: &random) { record.subject = text() }
        if Int.random(in: 0..<4, using: &random) == 0 { record.requestID = text() }
        if Int.random(in: 0..<4, using: &random) == 0 {
            record.change = AuditChange(
                before: .object([JSON.Member(text(), [true, false, nil, 5, ["status": 1]])]),
                after: ["tenant": .string(text()), "charge": ["requests": 5]]
            )
        }
        return record
    }

    /// Gives the members that are read texts as they are in most records.
    private func makePlain(_ record: inout AuditRecord) {
        record.action = "predict"
        record.keyID = "Ab3dEf9h"
        record.model = "digits"
        record.requestID = "0199-é"
        record.tenant = "acme"
        record.subject = "Ab3dEf9h"
        record.clientID = "billing"
        record.source?.address = "10.0.0.7"
        record.issuer = "https://idp.example"
        record.target = "tenant/acme"
        // A name with an escape, which no administrator's thing has, takes the long way.
        if case .object = record.change?.before { record.change = nil }
    }

    @Test func `the members are those that the general parser finds, whatever the texts say`() {
        var random = SeededGenerator(seed: 21)
        for _ in 0..<3000 {
            let bytes = hostileRecord(&random).encoded()
            #expect(found(bytes) == Found(parsing: bytes), "\(String(decoding: bytes, as: UTF8.self))")
        }
    }

    @Test func `a record as the gateway writes it is scanned in place`() {
        var random = SeededGenerator(seed: 22)
        for _ in 0..<500 {
            var record = hostileRecord(&random)
            makePlain(&record)
            let bytes = record.encoded()
            #expect(scanned(bytes) == Found(parsing: bytes), "\(String(decoding: bytes, as: UTF8.self))")
        }
    }

    @Test func `changed bytes are read as the general parser reads them, or not at all`() {
        var random = SeededGenerator(seed: 23)
        var refused = 0
        var taken = 0
        let pieces = Array("\"\\{}[],:0-9.eE tfnu/".utf8) + [0, 0x1f, 0x7f, 0x80, 0xc3, 0xe2, 0xed, 0xff]
        for _ in 0..<6000 {
            var record = hostileRecord(&random)
            if Bool.random(using: &random) { record.change = nil }
            if Bool.random(using: &random) { makePlain(&record) }
            var bytes = record.encoded()
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                let byte = pieces.randomElement(using: &random)!
                switch Int.random(in: 0..<5, using: &random) {
                case 0: bytes[place] = byte
                case 1: bytes.insert(byte, at: place)
                case 2: bytes.remove(at: place)
                case 3: bytes.removeLast(Int.random(in: 0..<min(40, bytes.count), using: &random))
                default:
                    let end = min(bytes.count, place + Int.random(in: 1...60, using: &random))
                    bytes.insert(contentsOf: bytes[place..<end], at: place)
                }
                if bytes.isEmpty { break }
            }
            let parsed = Found(parsing: bytes)
            if let scanned = scanned(bytes) {
                taken += 1
                // What is taken is JSON indeed: nothing that the general parser refuses.
                #expect((try? JSON.parse(bytes, depth: 40)) != nil, "\(String(decoding: bytes, as: UTF8.self))")
                #expect(scanned == parsed, "\(String(decoding: bytes, as: UTF8.self))")
            } else {
                refused += 1
            }
            #expect(found(bytes) == parsed)
        }
        #expect(taken > 150)
        #expect(refused > 2000)
    }

    @Test(arguments: [
        #"{"status":200,"tenant":"a" }"#, #"{"tenant":"a","status":200}"#, #"{"status":200,"status":200}"#,
        #"{"status":0200}"#, #"{"status":-0}"#, #"{"status":2e2}"#, #"{"status":200.0}"#,
        #"{"status":9223372036854775808}"#, #"{"\u0073tatus":200}"#, #"{"a":"\ud83d\ude00"}"#, #"{"a":"\/"}"#, "{", "",
        #"{"a":1,}"#, #"{"status":200}}"#, "[]", #"{"a":tru}"#, #"{"a":[1,]}"#,
        #"{"time":"2026-02-29T00:00:00.000000Z"}"#,
    ])
    func `what the encoder never writes is left to the general parser`(text: String) {
        let bytes = Array(text.utf8)
        #expect(scanned(bytes) == nil)
        #expect(found(bytes) == Found(parsing: bytes))
    }

    @Test(arguments: ["{}", #"{"status":0}"#, #"{"status":-9223372036854775808}"#, #"{"status":9223372036854775807}"#])
    func `any integer of 64 bits is scanned`(text: String) {
        #expect(scanned(Array(text.utf8)) == Found(parsing: Array(text.utf8)))
    }

    @Test func `nesting beyond the bound is refused, not followed`() {
        for levels in [39, 40, 41, 100_000] {
            let bytes = Array(
                (#"{"a":"# + String(repeating: "[", count: levels - 1) + String(repeating: "]", count: levels - 1) + "}")
                    .utf8
            )
            #expect((scanned(bytes) != nil) == (levels <= 40))
        }
    }

    @Test func `every moment is read as the general reader reads it`() {
        var random = SeededGenerator(seed: 24)
        for _ in 0..<5000 {
            let time = UnixTime(nanoseconds: .random(in: 0...9_000_000_000_000_000, using: &random) * 1000)
            let text = Array(time.description.utf8)
            let canonical = text.withUnsafeBytes { UnixTime(canonical: $0) }
            #expect(canonical == time || time.seconds >= 9_214_646_400)
            var bytes = text
            bytes[.random(in: 0..<27, using: &random)] = .random(in: 45...58, using: &random)
            let changed = bytes.withUnsafeBytes { UnixTime(canonical: $0) }
            #expect(changed == nil || changed == UnixTime(String(decoding: bytes, as: UTF8.self)))
        }
    }
}
