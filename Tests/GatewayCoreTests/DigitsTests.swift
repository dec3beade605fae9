// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@Suite struct DigitsTests {
    private func written(_ value: UInt64) -> String {
        withUnsafeTemporaryAllocation(byteCount: Digits.most, alignment: 1) { memory in
            let count = Digits.write(value, to: memory.baseAddress!)
            return String(decoding: memory[..<count], as: UTF8.self)
        }
    }

    @Test func `every number is written as its description`() {
        for value in 0...10_100 as ClosedRange<UInt64> { #expect(written(value) == String(value)) }
        var power: UInt64 = 1
        for _ in 0..<19 {
            power *= 10
            for value in [power - 1, power, power + 1] { #expect(written(value) == String(value)) }
        }
        #expect(written(.max) == String(UInt64.max))
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<10_000 {
            let value = UInt64.random(in: 0 ... .max, using: &generator) >> UInt64.random(in: 0...63, using: &generator)
            #expect(written(value) == String(value))
        }
    }
}
