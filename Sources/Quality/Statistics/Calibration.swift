// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Whether a classifier is right as often as it says: instances in bins of equal width by the confidence of their
/// prediction, the largest probability (C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 2).
public struct Calibration: Hashable, Sendable {
    /// As in that paper.
    public static let binCount = 15

    /// Predictions of similar confidence.
    public struct Bin: Hashable, Sendable {
        /// Predictions.
        public var count = 0
        /// Those that were right.
        public var correct = 0
        /// Σ confidence.
        public var confidence = 0.0
    }

    /// Bin i has the confidences in (i/15, (i+1)/15]; empty before the first.
    public private(set) var bins: [Bin] = []
    private var squares = 0.0

    /// Of no prediction.
    public init() {}

    /// One more prediction.
    ///
    /// - Parameter confidence: of the predicted class; what lies outside 0 to 1 counts as the nearer end.
    public mutating func add(confidence: Double, isCorrect: Bool) {
        if bins.isEmpty { bins = Array(repeating: Bin(), count: Self.binCount) }
        let confidence = confidence > 0 ? min(1, confidence) : 0
        let place = min(Self.binCount - 1, max(0, Int((confidence * Double(Self.binCount)).rounded(.up)) - 1))
        bins[place].count += 1
        bins[place].correct += isCorrect ? 1 : 0
        bins[place].confidence += confidence
        let error = confidence - (isCorrect ? 1 : 0)
        squares += error * error
    }

    /// Takes the predictions of another in.
    public mutating func merge(_ other: Calibration) {
        guard !other.bins.isEmpty else { return }
        if bins.isEmpty { bins = Array(repeating: Bin(), count: Self.binCount) }
        for place in bins.indices {
            bins[place].count += other.bins[place].count
            bins[place].correct += other.bins[place].correct
            bins[place].confidence += other.bins[place].confidence
        }
        squares += other.squares
    }

    private var count: Int { bins.reduce(0) { $0 + $1.count } }

    /// The expected calibration error, Σ (n_b/n) · |acc(b) − conf(b)|, from 0 to 1; nil without a prediction.
    public var expectedError: Double? {
        let n = count
        guard n > 0 else { return nil }
        return bins.reduce(0) { $0 + abs(Double($1.correct) - $1.confidence) } / Double(n)
    }

    /// The Brier score of the predicted class alone, Σ (confidence − I(y = y′))² / n, from 0 to 1 (G. W. Brier, Monthly
    /// Weather Review 78, 1950); nil without a prediction.
    public var topLabelBrierScore: Double? {
        let n = count
        return n == 0 ? nil : squares / Double(n)
    }
}

/// Proper scores of whole probability vectors.
public struct ProbabilityScores: Hashable, Sendable {
    private var count = 0
    private var squares = 0.0
    private var logs = 0.0

    /// Of no prediction.
    public init() {}

    /// One more.
    ///
    /// - Precondition: the label is one of the probabilities' places.
    public mutating func add(_ probabilities: [Double], label: Int) {
        count += 1
        for (place, p) in probabilities.enumerated() {
            let error = p - (place == label ? 1 : 0)
            squares += error * error
        }
        // As scikit-learn: a probability of 0 costs much, not infinitely much.
        logs -= log(max(probabilities[label], Double.ulpOfOne))
    }

    /// Σ Σ_k (p_k − I(y = k))² / n, from 0 to 2; nil without a prediction.
    public var brierScore: Double? { count == 0 ? nil : squares / Double(count) }
    /// The negative log-likelihood, −Σ ln p_y / n; nil without a prediction.
    public var negativeLogLikelihood: Double? { count == 0 ? nil : logs / Double(count) }
}
