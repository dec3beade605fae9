// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Storage

@Suite struct TextTableTests {
    @Test func `every text keeps its own numbers until all are forgotten`() {
        var random = SeededGenerator(seed: 31)
        var table = TextTable(maximumCount: 2000, maximumBytes: 1 << 20)
        var known: [[UInt8]: Int64] = [:]
        var next: Int64 = 1
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 0...3, using: &random)).map { _ in UInt8.random(in: 0...20, using: &random) }
            let before = table.count
            let place = table.place { $0 += text }
            // It has started again, with this text as the first.
            if table.count < before { known = [:] }
            #expect(table[place].id == known[text] ?? 0)
            table[place].id = next
            known[text] = next
            next += 1
            #expect(table.count == known.count)
        }
        #expect(next > 2000)
    }

    @Test func `a table of long texts starts again when it is full`() {
        var table = TextTable(maximumCount: 100, maximumBytes: 1000)
        for number in 0..<50 { _ = table.place { $0 += [UInt8](repeating: UInt8(number), count: 100) } }
        #expect(table.count <= 11)
    }
}
