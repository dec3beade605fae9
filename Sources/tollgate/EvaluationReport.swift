// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Inference
import Quality

/// What an evaluation is told as.
struct EvaluationReport {
    let model: Model
    let evaluation: Evaluation
    private(set) var comparison: Comparison?

    /// Two versions on the same instances.
    struct Comparison {
        let model: Model
        let evaluation: Evaluation
        /// Right of one alone.
        let onlyFirst: Int
        let onlySecond: Int
        /// Of McNemar's exact test.
        let p: Double

        static let significance = 0.05

        var isWorse: Bool { p < Self.significance && onlyFirst < onlySecond }

        func verdict(_ first: Model) -> String {
            let (a, b) = ("\(first.name)/\(first.version)", "\(model.name)/\(model.version)")
            let shown = String(format: "p = %.4g", p)
            if p >= Self.significance {
                return "no significant difference between \(a) and \(b) (\(shown)): it may be chance"
            }
            return onlyFirst > onlySecond
                ? "\(a) is significantly better than \(b) (\(shown))"
                : "\(a) is significantly worse than \(b) (\(shown))"
        }
    }

    init(model: Model, evaluation: Evaluation) {
        self.model = model
        self.evaluation = evaluation
    }

    mutating func compare(with other: Model, _ second: Evaluation) {
        let pairs = zip(evaluation.isCorrect, second.isCorrect)
        let onlyFirst = pairs.count { $0 && !$1 }
        let onlySecond = pairs.count { !$0 && $1 }
        comparison = Comparison(
            model: other,
            evaluation: second,
            onlyFirst: onlyFirst,
            onlySecond: onlySecond,
            p: SignificanceTest.mcNemarExact(onlyFirst: onlyFirst, onlySecond: onlySecond)
        )
    }

    private var isClassifier: Bool {
        if case .classification = evaluation.task { true } else { false }
    }

    // MARK: - For programs

    var json: JSON {
        guard case .object(var members) = Self.json(model, evaluation) else { return .null }
        if let comparison {
            var compared: JSON = .null
            if isClassifier {
                compared = [
                    "only_first_correct": .integer(Int64(comparison.onlyFirst)),
                    "only_second_correct": .integer(Int64(comparison.onlySecond)),
                    "mcnemar_p": .double(comparison.p), "verdict": .string(comparison.verdict(model)),
                ]
            }
            members.append(JSON.Member("compared_with", Self.json(comparison.model, comparison.evaluation)))
            members.append(JSON.Member("comparison", compared))
        }
        return .object(members)
    }

    private static func json(_ model: Model, _ evaluation: Evaluation) -> JSON {
        func number(_ value: Double?) -> JSON { value.flatMap { $0.isFinite ? .double($0) : nil } ?? .null }
        let (matrix, latency) = (evaluation.matrix, evaluation.latency)
        let classes = matrix.counts.indices.map { label -> JSON in
            [
                "class": .integer(Int64(label)), "support": .integer(Int64(matrix.recall(of: label).trials)),
                "precision": number(matrix.precision(of: label).ratio),
                "recall": number(matrix.recall(of: label).ratio),
                "f1": number(matrix.f1(of: label)),
            ]
        }
        return [
            "model": .string(model.name.description), "version": .integer(model.version),
            "sha256": .string(model.digest), "count": .integer(Int64(evaluation.count)),
            "correct": .integer(Int64(evaluation.correct)), "accuracy": number(matrix.accuracy.ratio),
            "accuracy_low": number(matrix.accuracy.interval?.lowerBound),
            "accuracy_high": number(matrix.accuracy.interval?.upperBound), "classes": .array(classes),
            "confusion_matrix": .array(matrix.counts.map { .array($0.map { .integer(Int64($0)) }) }),
            "calibration_error": number(evaluation.calibration.expectedError),
            "brier_score": number(evaluation.scores?.brierScore),
            "negative_log_likelihood": number(evaluation.scores?.negativeLogLikelihood),
            "mae": number(evaluation.regression.meanAbsoluteError),
            "rmse": number(evaluation.regression.rootMeanSquareError),
            "latency_us": [
                "mean": .double(latency.mean / 1000), "p50": .double(Double(latency.p50) / 1000),
                "p99": .double(Double(latency.p99) / 1000),
            ],
            "instances_per_second": .double(latency.perSecond.rounded()),
        ]
    }

    // MARK: - For people

    var text: String {
        var lines = Self.lines(model, evaluation)
        guard let comparison else { return lines.joined(separator: "\n") }
        lines += ["", "compared with"] + Self.lines(comparison.model, comparison.evaluation, withMatrix: false)
        if isClassifier {
            lines += [
                "", "right of the first alone \(comparison.onlyFirst), of the second alone \(comparison.onlySecond)",
                comparison.verdict(model),
            ]
        }
        return lines.joined(separator: "\n")
    }

    private static func decimals(_ value: Double?, _ count: Int = 4) -> String {
        value.map { String(format: "%.\(count)f", $0) } ?? "-"
    }

    private static func lines(_ model: Model, _ evaluation: Evaluation, withMatrix: Bool = true) -> [String] {
        let latency = evaluation.latency
        var lines = [
            "\(model.name) version \(model.version), \(model.format.rawValue), sha256 \(model.digest.prefix(16))…", "",
        ]
        if case .classification = evaluation.task {
            let interval = evaluation.matrix.accuracy.interval
            lines.append(
                "accuracy  Σ I(y = y′) / n = \(evaluation.correct) / \(evaluation.count) = "
                    + "\(decimals(evaluation.accuracy)), 95 % within \(decimals(interval?.lowerBound)) to "
                    + decimals(interval?.upperBound)
            )
            var calibration = "sureness  calibration error \(decimals(evaluation.calibration.expectedError))"
            if let scores = evaluation.scores {
                calibration +=
                    ", Brier score \(decimals(scores.brierScore)), negative log-likelihood "
                    + decimals(scores.negativeLogLikelihood)
            }
            lines.append(calibration)
        } else {
            lines.append(
                "error     mean absolute \(decimals(evaluation.regression.meanAbsoluteError)), root mean square "
                    + "\(decimals(evaluation.regression.rootMeanSquareError)) of \(evaluation.count)"
            )
        }
        lines.append(
            "latency   mean \(decimals(latency.mean / 1000, 1)) µs, p50 \(decimals(Double(latency.p50) / 1000, 1)) µs, "
                + "p99 \(decimals(Double(latency.p99) / 1000, 1)) µs for one instance: \(Int(latency.perSecond)) a second"
        )
        if withMatrix, !evaluation.confusion.isEmpty, evaluation.confusion.count <= 40 {
            lines += [""] + matrix(evaluation)
        }
        return lines
    }

    private static func matrix(_ evaluation: Evaluation) -> [String] {
        let width = max(4, String(evaluation.count).count + 1)
        func row(_ title: String, _ cells: [String]) -> String {
            ([title] + cells).map { String(repeating: " ", count: max(0, width - $0.count)) + $0 }.joined()
        }
        var lines = ["confusion matrix (rows: label, columns: prediction)"]
        lines.append(
            row("", evaluation.confusion.indices.map(String.init)) + "   precision   recall       f1"
        )
        for (label, cells) in evaluation.confusion.enumerated() {
            let figures = [
                evaluation.matrix.precision(of: label).ratio, evaluation.matrix.recall(of: label).ratio,
                evaluation.matrix.f1(of: label),
            ].map { decimals($0) }
            lines.append(
                row(String(label), cells.map { $0 == 0 ? "·" : String($0) })
                    + zip(figures, [12, 9, 9]).map { String(repeating: " ", count: max(1, $1 - $0.count)) + $0 }
                    .joined()
            )
        }
        return lines
    }
}
