// SPDX-License-Identifier: Apache-2.0

/// How often each class was taken for which.
public struct ConfusionMatrix: Hashable, Sendable {
    /// `counts[label][predicted]`; square.
    public private(set) var counts: [[Int]]

    /// One of no instance.
    public init(classes: Int) {
        counts = Array(repeating: Array(repeating: 0, count: classes), count: classes)
    }

    /// One more instance.
    ///
    /// - Precondition: both are classes, from 0.
    public mutating func add(label: Int, predicted: Int) { counts[label][predicted] += 1 }

    /// The instances on the diagonal among all: Σ I(y = y′) / n.
    public var accuracy: Proportion {
        Proportion(
            successes: counts.indices.reduce(0) { $0 + counts[$1][$1] },
            trials: counts.reduce(0) { $0 + $1.reduce(0, +) }
        )
    }

    /// Of what was predicted as the class, what is of it.
    public func precision(of label: Int) -> Proportion {
        Proportion(successes: counts[label][label], trials: counts.reduce(0) { $0 + $1[label] })
    }

    /// Of what is of the class, what was predicted as it.
    public func recall(of label: Int) -> Proportion {
        Proportion(successes: counts[label][label], trials: counts[label].reduce(0, +))
    }

    /// The harmonic mean of precision and recall: 2·TP / (2·TP + FP + FN); nil for a class that neither is there nor was
    /// predicted.
    public func f1(of label: Int) -> Double? {
        let both = precision(of: label).trials + recall(of: label).trials
        return both == 0 ? nil : 2 * Double(counts[label][label]) / Double(both)
    }
}
