// SPDX-License-Identifier: Apache-2.0

import Glibc

/// How far counts in bins lie from those of a reference.
///
/// Half an instance is added to each bin of both (the Krichevsky–Trofimov estimate), so that a bin which one of them
/// lacks costs much and not infinitely much; bins that both lack count for nothing.
public struct DistributionShift: Hashable, Sendable {
    /// The population stability index, Σ (p − q) · ln(p/q), the symmetric Kullback–Leibler divergence; 0 for equal
    /// distributions, without an upper end. By custom below 0.1 is stable and above 0.25 a shift (N. Siddiqi, Credit Risk
    /// Scorecards, 2006).
    public let populationStabilityIndex: Double
    /// The Jensen–Shannon divergence in bits, from 0 to 1 (J. Lin, IEEE Transactions on Information Theory 37, 1991).
    public let jensenShannonDivergence: Double
    /// What the population stability index of samples of one distribution exceeds once in ten thousand: it is about
    /// (1/n + 1/m) times a chi-squared variable with one degree of freedom less than there are bins (B. Yurdakul,
    /// "Statistical Properties of Population Stability Index", 2018).
    public let chance: Double

    /// - Precondition: there are as many bins of each.
    /// - Returns: nil where one of them has no instance.
    public init?(_ counts: [Int], from reference: [Int]) {
        precondition(counts.count == reference.count, "two histograms of the same bins")
        let used = counts.indices.filter { counts[$0] > 0 || reference[$0] > 0 }
        let n = Double(used.reduce(0) { $0 + counts[$1] })
        let m = Double(used.reduce(0) { $0 + reference[$1] })
        guard n > 0, m > 0 else { return nil }
        let half = 0.5 * Double(used.count)
        var index = 0.0
        var divergence = 0.0
        for place in used {
            let p = (Double(counts[place]) + 0.5) / (n + half)
            let q = (Double(reference[place]) + 0.5) / (m + half)
            let middle = (p + q) / 2
            index += (p - q) * log(p / q)
            divergence += (p * log2(p / middle) + q * log2(q / middle)) / 2
        }
        populationStabilityIndex = max(0, index)
        jensenShannonDivergence = min(1, max(0, divergence))
        chance = (1 / n + 1 / m) * Self.chiSquared(degrees: used.count - 1)
    }

    /// The quantile of 0.9999 (E. B. Wilson and M. M. Hilferty, PNAS 17, 1931, 684–688).
    private static func chiSquared(degrees: Int) -> Double {
        guard degrees > 0 else { return 0 }
        let spread = 2 / (9 * Double(degrees))
        let root = 1 - spread + 3.719016485455709 * spread.squareRoot()
        return Double(degrees) * root * root * root
    }
}
