// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Tests of figures that are looked at again and again while they grow.
///
/// A p-value of a usual test is below 0.01 at one of many looks far more often than once in a hundred. These hold for all
/// looks together: a mixture of likelihood ratios is a martingale where nothing is to be found, and reaches 1/p with a
/// chance of at most p (Ville's inequality; H. Robbins, Annals of Mathematical Statistics 41, 1970, 1397–1409).
public enum SequentialTest {
    /// Differences of proportions that are looked for: the standard deviation of the mixture.
    private static let effect = 0.1

    /// Whether a classifier is worse than another on different instances: the mixture sequential probability ratio test
    /// with pooled variance (R. Johari et al., "Always Valid Inference", Operations Research 70, 2022),
    ///
    ///     V = p(1 − p)(1/n₁ + 1/n₂),  Λ = √(V/(V + τ²)) · exp(τ²(p₁ − p₂)² / (2V(V + τ²))),  τ = 0.1
    ///
    /// - Returns: the p-value 1/Λ of `first` being no worse than `second`: small when it is worse; nil without trials of
    ///   both.
    public static func worse(_ first: Proportion, than second: Proportion) -> Double? {
        guard let p1 = first.ratio, let p2 = second.ratio else { return nil }
        guard p1 < p2 else { return 1 }
        let (n1, n2) = (Double(first.trials), Double(second.trials))
        let pooled = Double(first.successes + second.successes) / (n1 + n2)
        let variance = pooled * (1 - pooled) * (1 / n1 + 1 / n2)
        let both = variance + effect * effect
        let difference = effect * (p1 - p2)
        return min(1, (both / variance).squareRoot() * exp(-difference * difference / (2 * variance * both)))
    }

    /// Whether a proportion is above a limit: the likelihood ratio of all proportions, equally likely, to the limit,
    ///
    ///     Λ = k! (n − k)! / (n + 1)! / (qᵏ (1 − q)ⁿ⁻ᵏ)
    ///
    /// - Parameter limit: q, at least 0 and below 1.
    /// - Returns: the p-value 1/Λ of the proportion being no more than the limit; 1 without a trial.
    public static func above(_ limit: Double, _ seen: Proportion) -> Double {
        guard let ratio = seen.ratio, ratio > limit else { return 1 }
        // One success is enough where there should be none.
        guard limit > 0 else { return 0 }
        let (k, n) = (Double(seen.successes), Double(seen.trials))
        let logRatio = lgamma(k + 1) + lgamma(n - k + 1) - lgamma(n + 2) - k * log(limit) - (n - k) * log1p(-limit)
        return min(1, exp(-logRatio))
    }
}
