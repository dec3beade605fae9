// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTP
import TestSupport
import Testing

/// The same bytes for our parser and for NIO's decoder: ours may refuse more, and what it takes must be framed alike.
@Suite struct DifferentialTests {
    /// Cases of a run; `TOLLGATE_HTTP_FUZZ` sets another number for long ones, `TOLLGATE_HTTP_SEED` where they start.
    private static func setting(_ name: String, _ usual: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? usual
    }

    @Test func `random requests are refused or framed as the oracle frames them, wherever they are cut`() {
        let first = Self.setting("TOLLGATE_HTTP_SEED", 0)
        let cases = Self.setting("TOLLGATE_HTTP_FUZZ", 20_000)
        var taken = 0
        var found = 0
        for seed in first..<first + cases where found < 5 {
            var generator = DifferentialGenerator(seed: UInt64(seed))
            let bytes = generator.connection()
            let reading = Reading(bytes)
            taken += reading.marks.isEmpty ? 0 : 1
            if let objection = objection(to: reading, bytes, cuts: generator.cuts(bytes.count)) {
                found += 1
                Issue.record("seed \(seed): \(objection)\n\(String(decoding: bytes, as: UTF8.self).debugDescription)")
            }
        }
        // A generator whose requests are all refused, or none, would prove nothing.
        #expect(taken > cases / 10 && taken < cases * 9 / 10, "\(taken) of \(cases) begin with a request that is taken")
    }

    @Test func `limits are met at the same byte wherever the bytes are cut`() {
        var over: Set<HTTPFault.Kind> = []
        for seed in 0..<4000 {
            var generator = DifferentialGenerator(seed: UInt64(seed))
            let (bytes, limits) = (generator.connection(), generator.tightLimits())
            let reading = Reading(bytes, limits: limits)
            if let fault = reading.fault { over.insert(fault.kind) }
            #expect(Reading(bytes, cuts: generator.cuts(bytes.count), limits: limits) == reading, "seed \(seed)")
        }
        #expect(over.isSuperset(of: [.headTooLarge, .tooManyFields, .targetTooLong, .bodyChunkMalformed]))
    }

    @Test func `well-formed requests are all taken, with their bodies`() {
        for seed in 0..<2000 {
            var generator = DifferentialGenerator(seed: UInt64(seed))
            let (bytes, body) = generator.wellFormed()
            let reading = Reading(bytes)
            #expect(reading.fault == nil && reading.marks.map(\.offset).last == bytes.count && reading.body == body)
            #expect(objection(to: reading, bytes, cuts: generator.cuts(bytes.count)) == nil, "seed \(seed)")
        }
    }

    @Test func `each known smuggling request is refused, and what stands behind it is not seen`() {
        #expect(SmugglingCorpus.all.count >= 200, "\(SmugglingCorpus.all.count) payloads")
        for (seed, payload) in SmugglingCorpus.all.enumerated() {
            let reading = Reading(payload.bytes)
            #expect(reading.fault != nil, "\(payload.name) is taken")
            #expect(!reading.targets.contains("/smuggled"), "\(payload.name) smuggles")
            var generator = DifferentialGenerator(seed: UInt64(seed))
            for cuts in [Array(1..<payload.bytes.count), generator.cuts(payload.bytes.count)] {
                let objection = objection(to: reading, payload.bytes, cuts: cuts)
                #expect(objection == nil, "\(payload.name)")
            }
        }
    }

    private func objection(to reading: Reading, _ bytes: [UInt8], cuts: [Int]) -> String? {
        if let objection = Oracle.objection(to: reading, of: bytes) { return "the oracle objects: \(objection)" }
        let other = Reading(bytes, cuts: cuts)
        return other == reading ? nil : "cut at \(cuts): \(other) where the whole is \(reading)"
    }
}
