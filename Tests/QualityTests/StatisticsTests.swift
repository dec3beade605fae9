// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Quality

/// Expected values are those of scipy 1.17.1, scikit-learn 1.9.1 and statsmodels 0.15.0, by the call named at each.
@Suite struct StatisticsTests {
    private func isNear(_ a: Double?, _ b: Double, _ tolerance: Double = 1e-9) -> Bool {
        a.map { abs($0 - b) <= tolerance * max(1, abs(b)) } ?? false
    }

    @Test(arguments: [
        (351, 360, 0.9531770785533229, 0.9867927674024182), (0, 10, 0, 0.27753279986288926),
        (10, 10, 0.7224672001371106, 1), (1, 3, 0.06149194472039626, 0.7923403991979523),
        (5000, 10000, 0.49020206181540477, 0.5097979381845952),
    ])
    func `Wilson's interval is statsmodels' proportion_confint(method="wilson")`(
        k: Int,
        n: Int,
        low: Double,
        high: Double
    ) {
        let interval = Proportion(successes: k, trials: n).interval
        #expect(isNear(interval?.lowerBound, low) && isNear(interval?.upperBound, high))
    }

    @Test func `without a trial there is no ratio, and an interval always has the ratio in it`() {
        #expect(Proportion().ratio == nil && Proportion().interval == nil)
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<2000 {
            let n = Int.random(in: 1...5000, using: &generator)
            let proportion = Proportion(successes: Int.random(in: 0...n, using: &generator), trials: n)
            let (ratio, interval) = (proportion.ratio ?? -1, proportion.interval ?? 2...2)
            #expect(interval.lowerBound <= ratio + 1e-12 && ratio - 1e-12 <= interval.upperBound)
            #expect(interval.lowerBound >= 0 && interval.upperBound <= 1)
        }
    }

    @Test(arguments: [
        (0, 0, 1), (5, 5, 1), (3, 12, 0.03515625), (40, 70, 0.005447429511444476), (0, 8, 0.0078125),
        (1000, 1100, 0.03072070786424249),
    ])
    func `McNemar's exact test is scipy's binomtest(min(b, c), b + c)`(b: Int, c: Int, p: Double) {
        #expect(isNear(SignificanceTest.mcNemarExact(onlyFirst: b, onlySecond: c), p))
        #expect(isNear(SignificanceTest.mcNemarExact(onlyFirst: c, onlySecond: b), p))
    }

    /// Python: the formulas of ``SequentialTest`` with math.lgamma and math.exp.
    @Test func `sequential p-values`() {
        func p(_ a: Int, _ n: Int, _ b: Int, _ m: Int) -> Double? {
            SequentialTest.worse(Proportion(successes: a, trials: n), than: Proportion(successes: b, trials: m))
        }
        #expect(isNear(p(180, 200, 190, 200), 0.7281417353481361))
        #expect(isNear(p(900, 1000, 950, 1000), 0.0011826512633628685))
        #expect(isNear(p(0, 20, 30, 30), 0.00029439128348388136))
        #expect(p(190, 200, 180, 200) == 1 && p(50, 50, 50, 50) == 1 && p(0, 0, 1, 1) == nil && p(1, 1, 0, 0) == nil)
        func above(_ k: Int, _ n: Int, _ limit: Double) -> Double {
            SequentialTest.above(limit, Proportion(successes: k, trials: n))
        }
        #expect(isNear(above(1, 1, 0.05), 0.1) && isNear(above(2, 2, 0.05), 0.0075))
        #expect(isNear(above(30, 300, 0.05), 0.04694301243305213))
        #expect(above(5, 100, 0.05) == 1 && above(0, 0, 0.05) == 1 && above(1, 100, 0) == 0 && above(0, 9, 0) == 1)
    }

    @Test func `who looks after every label is deceived in no more than 5 of 100 cases`() {
        var generator = SeededGenerator(seed: 11)
        let runs = 300
        var (worse, above) = (0, 0)
        for _ in 0..<runs {
            var (first, second, errors) = (Proportion(), Proportion(), Proportion())
            var (isWorse, isAbove) = (false, false)
            for _ in 0..<2000 {
                first.trials += 1
                second.trials += 1
                errors.trials += 1
                first.successes += Int.random(in: 0..<100, using: &generator) < 90 ? 1 : 0
                second.successes += Int.random(in: 0..<100, using: &generator) < 90 ? 1 : 0
                errors.successes += Int.random(in: 0..<100, using: &generator) < 5 ? 1 : 0
                if first.trials >= 100, SequentialTest.worse(first, than: second) ?? 1 < 0.05 { isWorse = true }
                if SequentialTest.above(0.05, errors) < 0.05 { isAbove = true }
            }
            worse += isWorse ? 1 : 0
            above += isAbove ? 1 : 0
        }
        #expect(worse <= runs / 20 && above <= runs / 20, "\(worse) and \(above) of \(runs)")
    }

    @Test func `precision, recall and F1 are scikit-learn's precision_recall_fscore_support`() {
        var matrix = ConfusionMatrix(classes: 3)
        for (label, predicted) in zip([0, 0, 0, 1, 1, 2, 2, 2, 2], [0, 1, 0, 1, 1, 2, 0, 2, 1]) {
            matrix.add(label: label, predicted: predicted)
        }
        #expect((0..<3).map { matrix.precision(of: $0).ratio } == [2.0 / 3, 0.5, 1])
        #expect((0..<3).map { matrix.recall(of: $0).ratio } == [2.0 / 3, 1, 0.5])
        #expect((0..<3).allSatisfy { isNear(matrix.f1(of: $0), 2.0 / 3) })
        #expect(matrix.accuracy == Proportion(successes: 6, trials: 9))
    }

    @Test func `Brier score and negative log-likelihood are numpy's and scikit-learn's log_loss`() {
        let probabilities = [[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.3, 0.4, 0.3], [0.05, 0.9, 0.05]]
        var scores = ProbabilityScores()
        for (row, label) in zip(probabilities, [0, 2, 0, 1]) { scores.add(row, label: label) }
        #expect(isNear(scores.brierScore, 0.23875) && isNear(scores.negativeLogLikelihood, 0.47228795380917615))
    }

    @Test func `the calibration error is numpy's over linspace(0, 1, 16), and merging adds nothing to it`() {
        let confidences = [0.05, 0.2, 0.2001, 0.35, 0.5, 0.61, 0.77, 0.9, 0.95, 1.0]
        let right = [0, 0, 1, 0, 1, 1, 1, 1, 0, 1]
        var (all, a, b) = (Calibration(), Calibration(), Calibration())
        for (place, (confidence, right)) in zip(confidences, right).enumerated() {
            all.add(confidence: confidence, isCorrect: right == 1)
            if place < 4 {
                a.add(confidence: confidence, isCorrect: right == 1)
            } else {
                b.add(confidence: confidence, isCorrect: right == 1)
            }
        }
        #expect(isNear(all.expectedError, 0.35699) && isNear(all.topLabelBrierScore, 0.217234001))
        a.merge(b)
        #expect(isNear(a.expectedError, 0.35699) && isNear(a.topLabelBrierScore, 0.217234001))
        #expect(Calibration().expectedError == nil)
        var odd = Calibration()
        for confidence in [Double.nan, -1, 2, .infinity] { odd.add(confidence: confidence, isCorrect: true) }
        #expect(odd.bins.reduce(0) { $0 + $1.count } == 4)
    }

    @Test func `errors of values`() {
        var (a, b) = (RegressionError(), RegressionError())
        a.add(predicted: 1, label: 2)
        b.add(predicted: 5, label: 2)
        a.merge(b)
        #expect(a.meanAbsoluteError == 2 && a.rootMeanSquareError == 5.0.squareRoot())
    }
}
