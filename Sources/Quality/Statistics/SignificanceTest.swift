// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Whether a difference between two classifiers may be chance.
public enum SignificanceTest {
    /// McNemar's exact test for two classifiers on the same instances (Q. McNemar, Psychometrika 12, 1947, 153–157; the
    /// exact form is the sign test): of the instances that one alone has right, each is as likely the one's as the
    /// other's if they are equally good.
    ///
    ///     p = min(1, 2 · P(X ≤ min(b, c))),  X ~ Binomial(b + c, ½)
    ///
    /// - Parameters:
    ///   - onlyFirst: instances that the first alone has right.
    ///   - onlySecond: instances that the second alone has right.
    /// - Returns: the two-sided p-value; 1 where they never differ.
    public static func mcNemarExact(onlyFirst: Int, onlySecond: Int) -> Double {
        let n = onlyFirst + onlySecond
        guard n > 0 else { return 1 }
        var tail = 0.0
        for k in 0...min(onlyFirst, onlySecond) { tail += exp(logChoose(n, k) - Double(n) * M_LN2) }
        return min(1, 2 * tail)
    }

    private static func logChoose(_ n: Int, _ k: Int) -> Double {
        lgamma(Double(n) + 1) - lgamma(Double(k) + 1) - lgamma(Double(n - k) + 1)
    }
}
