// SPDX-License-Identifier: Apache-2.0

import Telemetry
import TestSupport
import Testing

@Suite struct TraceContextTests {
    private static let trace = "0af7651916cd43dd8448eb211c80319c"
    private static let parent = "b7ad6b7169203331"

    @Test func `The standard's example is read and written`() throws {
        let text = "00-\(Self.trace)-\(Self.parent)-01"
        let context = try #require(TraceContext(text.utf8))
        #expect(context.traceID == TraceContext.TraceID(high: 0x0af7_6519_16cd_43dd, low: 0x8448_eb21_1c80_319c))
        #expect(context.traceID.description == Self.trace)
        #expect(context.parentID == 0xb7ad_6b71_6920_3331)
        #expect(context.sampled)
        #expect(context.description == text)
    }

    @Test(arguments: [
        ("00-\(trace)-\(parent)-00", false),
        ("00-\(trace)-\(parent)-02", false),
        ("00-\(trace)-\(parent)-ff", true),
        ("cc-\(trace)-\(parent)-01", true),
        ("01-\(trace)-\(parent)-01-what-the-future-will-be-like", true),
        ("01-\(trace)-\(parent)-01-", true),
    ])
    func `Values that are valid are read`(text: String, sampled: Bool) {
        #expect(TraceContext(text.utf8)?.sampled == sampled)
        #expect(TraceContext(text.utf8)?.description == "00-\(Self.trace)-\(Self.parent)-\(sampled ? "01" : "00")")
    }

    @Test(arguments: [
        "", "00", "00-\(trace)-\(parent)", "00-\(trace)-\(parent)-", "00-\(trace)-\(parent)-0",
        "00-\(trace)-\(parent)-01-", "00-\(trace)-\(parent)-01.", "00-\(trace)-\(parent)-011",
        "01-\(trace)-\(parent)-01.", "01-\(trace)-\(parent)-011",
        "ff-\(trace)-\(parent)-01", "FF-\(trace)-\(parent)-01", "0x-\(trace)-\(parent)-01",
        "00-\(trace)-\(parent)-0G", "00-\(trace)-\(parent)-0x", "00-\(trace)-\(parent)-0A",
        "00-00000000000000000000000000000000-\(parent)-01", "00-\(trace)-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-\(parent)-01", "00-\(trace)-B7AD6B7169203331-01",
        "00_\(trace)-\(parent)-01", "00-\(trace)_\(parent)-01", "00-\(trace)-\(parent)_01",
        " 00-\(trace)-\(parent)-01", "00-\(trace)-\(parent)-01 ", "00-\(trace)-\(parent)-0\0",
        "00-\(trace.dropLast())-\(parent)-01", "00-\(trace)é-\(parent)-01", "00-\(trace)-\(parent)-01,00-\(trace)",
    ])
    func `Values that are not valid are refused`(text: String) {
        #expect(TraceContext(text.utf8) == nil)
    }

    @Test func `An identifier of zero is refused`() {
        let trace = TraceContext.TraceID(high: 0, low: 1)
        #expect(TraceContext(traceID: trace, parentID: 1, sampled: false) != nil)
        #expect(TraceContext(traceID: trace, parentID: 0, sampled: false) == nil)
        #expect(TraceContext(traceID: TraceContext.TraceID(high: 0, low: 0), parentID: 1, sampled: true) == nil)
    }

    @Test func `Any context reads back as it was written`() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<2000 {
            // Small words too, whose leading zeros must be written.
            let shift = UInt64.random(in: 0...63, using: &generator)
            let id = TraceContext.TraceID(high: generator.next() >> shift, low: generator.next() | 1)
            let context = TraceContext(
                traceID: id,
                parentID: (generator.next() >> shift) | 1,
                sampled: Bool.random(using: &generator)
            )
            #expect(context != nil && TraceContext((context?.description ?? "").utf8) == context)
        }
    }

    @Test func `A damaged value is refused or means what it says`() {
        var generator = SeededGenerator(seed: 2)
        let valid = Array("00-\(Self.trace)-\(Self.parent)-01".utf8)
        for _ in 0..<50_000 {
            var bytes = valid
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let position = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes.remove(at: position)
                case 1: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: position)
                case 2: bytes[position] = "0123456789abcdefABCDEF- ".utf8.randomElement(using: &generator)!
                default: bytes[position] = UInt8.random(in: 0...255, using: &generator)
                }
            }
            // Through a collection without contiguous storage as well: both ways must agree.
            let context = TraceContext(bytes)
            #expect(TraceContext(bytes.lazy.map { $0 }) == context)
            guard let context else { continue }
            let ids = Array(context.description.utf8)[2..<53]
            #expect(bytes[2..<53] == ids && bytes.count >= 55)
        }
    }
}
