// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Quality

@Suite struct DriftTests {
    private func samples(_ count: Int, shift: Double, seed: UInt64, classes: Range<Int> = 0..<10) -> [PredictionSample]
    {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in
            // The sum of twelve: nearly normal.
            let noise = (0..<12).reduce(-6.0) { sum, _ in sum + Double.random(in: 0..<1, using: &generator) }
            return PredictionSample(
                category: Int.random(in: classes, using: &generator),
                output: Double.random(in: 0.5..<1, using: &generator),
                input: (mean: noise + shift, deviation: abs(noise))
            )
        }
    }

    private func tally(_ samples: [PredictionSample], _ reference: ReferenceProfile) -> PredictionTally {
        var tally = PredictionTally()
        let delta = SketchDelta(instances: samples.count, requests: samples.count, failures: 0, samples: samples)
        tally.add(delta, reference: reference)
        return tally
    }

    /// scipy 1.17.1: entropy(p, q) + entropy(q, p), jensenshannon(p, q, base=2) ** 2, of (n + 0.5) / (N + 2).
    @Test func `the shift is scipy's`() throws {
        let shift = try #require(DistributionShift([30, 50, 20, 0], from: [25, 25, 25, 25]))
        #expect(abs(shift.populationStabilityIndex - 1.1506325677291813) < 1e-12)
        #expect(abs(shift.jensenShannonDivergence - 0.14311137423121378) < 1e-12)
    }

    @Test func `the shift is none of equals, symmetric, and never negative`() throws {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            let bins = Int.random(in: 1...64, using: &generator)
            let a = (0..<bins).map { _ in Int.random(in: 0...50, using: &generator) }
            let b = (0..<bins).map { _ in Int.random(in: 0...50, using: &generator) }
            #expect(DistributionShift(a, from: a)?.populationStabilityIndex ?? 0 < 1e-12)
            guard let there = DistributionShift(a, from: b), let back = DistributionShift(b, from: a) else { continue }
            #expect(abs(there.populationStabilityIndex - back.populationStabilityIndex) < 1e-9)
            #expect(there.populationStabilityIndex >= 0 && (0...1).contains(there.jensenShannonDivergence))
        }
        #expect(DistributionShift([0, 0], from: [1, 1]) == nil)
    }

    @Test func `what comes from the reference's distribution is stable, what is shifted is not`() throws {
        let reference = try #require(ReferenceProfile(samples(500, shift: 0, seed: 1)))
        let same = try #require(DriftScores(tally(samples(2000, shift: 0, seed: 2), reference), from: reference))
        #expect(try #require(same.largest) < 0.1)
        let moved = try #require(DriftScores(tally(samples(2000, shift: 1, seed: 3), reference), from: reference))
        #expect(moved.scores.first { $0.name == "input_mean" }?.shift.populationStabilityIndex ?? 0 > 0.25)
        #expect(moved.scores.first { $0.name == "class" }?.shift.populationStabilityIndex ?? 1 < 0.1)
        let fewer = samples(2000, shift: 0, seed: 4, classes: 0..<3)
        let collapsed = try #require(DriftScores(tally(fewer, reference), from: reference))
        #expect(collapsed.scores.first { $0.name == "class" }?.shift.populationStabilityIndex ?? 0 > 1)
        #expect(DriftScores(tally(samples(99, shift: 9, seed: 5), reference), from: reference) == nil)
    }

    @Test func `so few instances that chance could make a shift of them are not scored, the more the classes`() throws {
        func named(_ count: Int, of reference: Int, classes: Int) throws -> DriftScores {
            let known = try #require(ReferenceProfile(samples(reference, shift: 0, seed: 10, classes: 0..<classes)))
            let seen = tally(samples(count, shift: 0, seed: 11, classes: 0..<classes), known)
            return try #require(DriftScores(seen, from: known))
        }
        #expect(try named(150, of: 500, classes: 10).scores.isEmpty)
        #expect(try named(250, of: 500, classes: 10).scores.map(\.name).contains("class"))
        #expect(try !named(1000, of: 500, classes: 64).scores.map(\.name).contains("class"))
        #expect(try named(8000, of: 500, classes: 64).scores.map(\.name).contains("class"))
        // scipy 1.17.1: chi2.ppf(0.9999, 9) = 33.72, and 113.50 of 63.
        let ten = try #require(
            DistributionShift(Array(repeating: 10, count: 10), from: Array(repeating: 10, count: 10))
        )
        #expect(abs(ten.chance / 0.02 - 33.72) < 0.5)
        for seed in 20..<60 as Range<UInt64> {
            let known = try #require(ReferenceProfile(samples(500, shift: 0, seed: seed)))
            let seen = tally(samples(250, shift: 0, seed: seed + 100), known)
            #expect(try #require(DriftScores(seen, from: known)?.largest) < 0.25)
        }
    }

    @Test func `deciles hold every value, whatever the sample is like`() throws {
        var generator = SeededGenerator(seed: 9)
        for _ in 0..<300 {
            let kinds = Int.random(in: 1...20, using: &generator)
            let values = (0..<Int.random(in: 1...200, using: &generator)).map { _ in
                Double(Int.random(in: 0..<kinds, using: &generator))
            }
            let bins = try #require(QuantileBins(values))
            #expect(bins.counts.reduce(0, +) == values.count && bins.counts.allSatisfy { $0 > 0 })
            #expect(zip(bins.edges, bins.edges.dropFirst()).allSatisfy(<))
            for value in [-Double.infinity, .infinity, .nan, 1] {
                #expect(bins.counts.indices.contains(bins.bin(value)))
            }
        }
        #expect(QuantileBins([.nan, .infinity]) == nil)
    }

    @Test func `a reference reads back what it wrote, and refuses everything else`() throws {
        let reference = try #require(ReferenceProfile(samples(360, shift: 0.3, seed: 6)))
        let text = reference.json.serialized()
        #expect(ReferenceProfile(json: try JSON.parse(text)) == reference)
        var value = samples(20, shift: 0, seed: 7)
        for index in value.indices { value[index].category = nil }
        let regression = try #require(ReferenceProfile(value))
        #expect(ReferenceProfile(json: try JSON.parse(regression.json.serialized())) == regression)
        for wrong in [
            "{}", "[]", "{\"count\":0,\"measures\":{}}", "{\"count\":1,\"measures\":{\"heat\":{}}}",
            "{\"count\":1,\"classes\":[1],\"measures\":{}}",
            "{\"count\":1,\"measures\":{\"output\":{\"edges\":[2,1],\"counts\":[1,1,1]}}}",
            "{\"count\":1,\"measures\":{\"output\":{\"edges\":[1],\"counts\":[1]}}}",
            "{\"count\":1,\"measures\":{\"output\":{\"edges\":[1],\"counts\":[1,-1]}}}",
        ] {
            #expect(ReferenceProfile(json: try JSON.parse(wrong)) == nil, "\(wrong)")
        }
    }

    @Test func `of many instances each has the same chance to be looked at`() {
        var sketch = SeriesSketch(seed: 5)
        let all = 20_000
        for instance in 0..<all {
            guard let place = sketch.place() else { continue }
            sketch.put(PredictionSample(category: nil, output: Double(instance), input: nil), at: place)
        }
        let delta = sketch.take()
        #expect(delta.instances == all && delta.samples.count == SeriesSketch.capacity)
        let mean = delta.samples.reduce(0) { $0 + $1.output } / Double(delta.samples.count)
        // Its standard deviation is 361.
        #expect(abs(mean - Double(all) / 2) < 1500)
        #expect(sketch.isEmpty && sketch.take().samples.isEmpty)
    }
}
