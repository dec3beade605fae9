// SPDX-License-Identifier: Apache-2.0

/// A number of successes among trials: an accuracy, an error rate.
public struct Proportion: Hashable, Sendable {
    /// At most ``trials``.
    public var successes: Int
    /// At least 0.
    public var trials: Int

    /// A proportion of counts.
    public init(successes: Int = 0, trials: Int = 0) {
        self.successes = successes
        self.trials = trials
    }

    /// Successes of trials; nil without a trial.
    public var ratio: Double? { trials == 0 ? nil : Double(successes) / Double(trials) }

    /// The two-sided 95 % interval of Wilson's score (E. B. Wilson, JASA 22, 1927, 209–212), nil without a trial:
    ///
    ///     (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n)
    ///
    /// Unlike the normal interval it stays within 0 and 1, and holds for few trials and for ratios near the ends.
    public var interval: ClosedRange<Double>? { interval(z: 1.959963984540054) }

    /// The same for another quantile of the normal distribution.
    public func interval(z: Double) -> ClosedRange<Double>? {
        guard let p = ratio else { return nil }
        let n = Double(trials)
        let centre = p + z * z / (2 * n)
        let spread = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
        let scale = 1 + z * z / n
        return max(0, (centre - spread) / scale)...min(1, (centre + spread) / scale)
    }
}
