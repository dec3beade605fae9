// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// How much longer or shorter batches take than warm-up foretold: an exponentially weighted moving average of the
/// quotient, 1/16 for the newest.
///
/// Threads add to it without a lock; of two that add at once one may be lost.
final class CostDrift: Sendable {
    /// In 1/65,536.
    private let quotient = Atomic<Int64>(one)
    private static let one: Int64 = 1 << 16

    /// 1 where nothing has run.
    var factor: Double { Double(quotient.load(ordering: .relaxed)) / Double(Self.one) }

    /// A batch has run.
    func note(nanoseconds: Int64, expected: Int64) {
        guard expected > 0 else { return }
        let old = quotient.load(ordering: .relaxed)
        // One stall of the machine must not make a model look a thousand times as dear.
        let seen = min(Double(nanoseconds) / Double(expected) * Double(Self.one), Double(old) * 4)
        let new = old + (Int64(seen) - old) / 16
        quotient.store(max(new, Self.one / 16), ordering: .relaxed)
    }
}
