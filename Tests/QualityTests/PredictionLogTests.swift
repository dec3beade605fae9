// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Quality

@Suite struct PredictionLogTests {
    private let acme = TenantID("acme")!
    private let digits = ModelName("digits")!

    private func key(_ tenant: String = "acme", _ version: Int64 = 1) -> QualityKey {
        QualityKey(tenant: TenantID(tenant)!, model: digits, version: version)
    }

    private func id(_ number: UInt64) -> RequestID { RequestID(high: 7, low: number &* 0x9e37_79b9_7f4a_7c15) }

    private func record(_ log: PredictionLog, _ number: UInt64, _ count: Int, _ key: QualityKey) throws {
        let series = try #require(log.series(of: key, task: .classification(classes: 10)))
        log.record(
            id(number),
            series: series,
            count: count,
            { Prediction(category: Int32($0 % 10), output: 0.5) },
            input: { _ in nil }
        )
    }

    private func label(_ log: PredictionLog, _ number: UInt64, _ labels: [Double], tenant: String = "acme")
        -> LabelOutcome
    {
        log.label(id(number), tenant: TenantID(tenant)!, model: digits, version: nil, labels: labels)
    }

    @Test func `what is neither remembered nor sampled is not looked at`() throws {
        let log = PredictionLog(capacity: 0)
        let series = try #require(log.series(of: key(), task: .regression))
        var looks = 0
        func look(_ instance: Int) -> Prediction {
            looks += 1
            return Prediction(category: -1, output: 1)
        }
        for number in 0..<100 as Range<UInt64> {
            log.record(id(number), series: series, count: 100, look, input: { _ in nil })
        }
        // 256 and then 256 · ln(10 000 / 256), about 940, by chance.
        #expect(looks < 2000)
        #expect(log.collect().map(\.delta.instances) == [10_000])
    }

    /// Against a list that is searched from its end.
    @Test(arguments: [1, 2, 7, 64, 300])
    func `the newest instances are remembered, whole requests at a time`(capacity: Int) throws {
        var generator = SeededGenerator(seed: UInt64(capacity))
        let log = PredictionLog(capacity: capacity)
        var known: [(number: UInt64, count: Int)] = []
        for number in 0..<UInt64(2000) {
            let count = Int.random(in: 1...max(1, min(9, capacity + 1)), using: &generator)
            try record(log, number, count, key())
            if count <= capacity { known.append((number, count)) }
            var room = capacity
            var alive: Set<UInt64> = []
            for one in known.reversed() {
                room -= one.count
                if room < 0 { break }
                alive.insert(one.number)
            }
            known.removeAll { !alive.contains($0.number) }
            let asked = UInt64.random(in: number - min(number, 400)...number, using: &generator)
            // A wrong number of labels tells whether it is there, and changes nothing.
            let outcome = label(log, asked, [])
            #expect((outcome != .unknown) == alive.contains(asked), "\(asked) at \(number)")
        }
    }

    @Test func `labels are joined once, to the caller's own predictions`() throws {
        let log = PredictionLog(capacity: 100)
        try record(log, 1, 3, key())
        #expect(label(log, 1, [0, 1, 2], tenant: "other") == .unknown)
        #expect(
            log.label(id(1), tenant: acme, model: ModelName("faces")!, version: nil, labels: [0, 1, 2]) == .unknown
        )
        #expect(log.label(id(1), tenant: acme, model: digits, version: 2, labels: [0, 1, 2]) == .unknown)
        #expect(label(log, 2, [1]) == .unknown)
        #expect(label(log, 1, [0]) == .wrongCount(3))
        for wrong in [10, -1, 1.5] { #expect(label(log, 1, [0, 1, wrong]) == .noClass(10)) }
        let outcome = label(log, 1, [0, 1, 9])
        guard case .accepted(let owner, let joined) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(owner == key() && joined.map(\.category) == [0, 1, 2] && joined.map(\.label) == [0, 1, 9])
        #expect(label(log, 1, [0, 1, 9]) == .repeated)
        #expect(label(log, 1, [0, 1, 2]) == .conflicting)
    }

    @Test func `values take any number; a log without room remembers nothing and still counts`() throws {
        let log = PredictionLog(capacity: 10)
        let series = try #require(log.series(of: key(), task: .regression))
        log.record(id(1), series: series, count: 1, { _ in Prediction(category: -1, output: 2.5) }, input: { _ in nil })
        guard case .accepted(_, let joined) = label(log, 1, [-0.5]) else {
            Issue.record("refused")
            return
        }
        #expect(joined == [LabelledPrediction(category: nil, output: 2.5, label: -0.5)])
        let none = PredictionLog(capacity: 0)
        try record(none, 1, 2, key())
        #expect(label(none, 1, [0, 1]) == .unknown)
        #expect(none.collect().map(\.delta.instances) == [2])
        #expect(none.collect().isEmpty)
    }

    @Test func `a series gives its number up only when nothing of it is remembered`() throws {
        let log = PredictionLog(capacity: 2)
        try record(log, 0, 1, key("t0"))
        for tenant in 1..<PredictionLog.maxSeries {
            _ = log.series(of: key("t\(tenant)"), task: .regression)
        }
        #expect(log.replaced == 0)
        let number = try #require(log.series(of: key("new"), task: .regression))
        #expect(log.replaced == 1 && number != log.series(of: key("t0"), task: .classification(classes: 10)))
        #expect(label(log, 0, [0], tenant: "t0") != .unknown)
    }
}
