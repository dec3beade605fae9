// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Audit

@Suite struct ChargedRecordTests {
    @Test func `a charge is read as the decoder reads it, whatever else the record holds`() throws {
        var random = SeededGenerator(seed: 7)
        var charged = 0
        for _ in 0..<2000 {
            var record = RandomRecord.make(&random)
            record.tenant = Bool.random(using: &random) ? "acme" : nil
            record.keyID = [nil, "Ab3dEf9h", "k-\u{e9}\n", "a key's id of twenty bytes or more"].randomElement(
                using: &random
            )!
            record.charge?.requests = Int64.random(in: 0...1 << 50, using: &random)
            record.charge?.delayMicros = Bool.random(using: &random) ? 0 : 1500
            if Bool.random(using: &random) {
                record.change = AuditChange(before: nil, after: ["charge": ["requests": 9]])
            }
            let bytes = record.encoded()
            let decoded = try AuditRecord(bytes: bytes)
            let found = ChargedRecord(bytes)
            guard let charge = decoded.charge, let tenant = decoded.tenant else {
                #expect(found == nil)
                continue
            }
            charged += 1
            #expect(found?.tenant == TenantID(tenant))
            #expect(found?.keyID == decoded.keyID)
            #expect(found?.requests == charge.requests)
            #expect(found?.time.nanoseconds == decoded.time.nanoseconds + charge.delayMicros * 1000)
        }
        #expect(charged > 100)
    }

    @Test func `a text that looks like a charge is none`() {
        var record = AuditRecord(
            time: UnixTime(seconds: 1),
            gateway: "g",
            durability: .durable,
            decision: .allowed,
            reason: .ok
        )
        record.tenant = "acme"
        record.detail = #"x","charge":{"instances":1,"requests":9},"#
        #expect(ChargedRecord(record.encoded()) == nil)
    }

    @Test func `a change that holds a charge is none`() {
        var record = AuditRecord(
            time: UnixTime(seconds: 1),
            gateway: "g",
            durability: .durable,
            decision: .allowed,
            reason: .ok
        )
        record.tenant = "acme"
        record.change = AuditChange(before: nil, after: ["charge": ["requests": 9]])
        #expect(ChargedRecord(record.encoded()) == nil)
    }
}
