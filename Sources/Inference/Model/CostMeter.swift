// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What a model's batches take in service: exponentially weighted moving averages, 1/16 for the newest, of one instance
/// alone and of what each further one adds.
///
/// Threads add to them without a lock; of two that add at once one may be lost.
final class CostMeter: Sendable {
    /// Nanoseconds of an inference of one instance.
    private let one: Atomic<Int64>
    /// Nanoseconds that each further instance adds.
    private let added: Atomic<Int64>

    /// Begins with what warm-up found.
    init(_ cost: InferenceCost) {
        one = Atomic(cost.one)
        added = Atomic(max(0, cost.thirtyTwo - cost.one) / 31)
    }

    var cost: InferenceCost {
        let one = one.load(ordering: .relaxed)
        return InferenceCost(one: one, thirtyTwo: one + added.load(ordering: .relaxed) * 31)
    }

    /// Whether instances that run together take at least a tenth less than one after the other.
    var gainsFromBatches: Bool {
        added.load(ordering: .relaxed) <= one.load(ordering: .relaxed) / 10 * 9
    }

    /// A batch has run.
    func note(instances: Int, nanoseconds: Int64) {
        if instances == 1 { return Self.note(nanoseconds, in: one) }
        let more = max(0, nanoseconds - one.load(ordering: .relaxed))
        Self.note(more / Int64(max(1, instances - 1)), in: added)
    }

    private static func note(_ nanoseconds: Int64, in average: borrowing Atomic<Int64>) {
        let old = average.load(ordering: .relaxed)
        // One stall of the machine must not make a model look a thousand times as dear.
        let seen = min(nanoseconds, max(old, 250) * 4)
        average.store(old + (seen - old) / 16, ordering: .relaxed)
    }
}
