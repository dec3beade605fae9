// SPDX-License-Identifier: Apache-2.0

/// How far the predictions of a window lie from the reference, measure by measure.
public struct DriftScores: Sendable {
    /// Fewer instances say nothing.
    public static let least = 100
    /// Nor do so few that chance alone could make a shift of them: by custom, this index.
    public static let greatestChance = 0.25

    /// By name: `class` for the distribution of predicted classes, else a ``PredictionSample/Measure``; sorted.
    public let scores: [(name: String, shift: DistributionShift)]

    /// Only measures with enough instances for their number of bins are scored: some 190 of ten classes and 5000 of 64, with
    /// 500 in the reference.
    ///
    /// - Returns: nil while there are fewer than ``least`` instances on a side.
    public init?(_ tally: PredictionTally, from reference: ReferenceProfile) {
        guard tally.compared >= Self.least, reference.count >= Self.least else { return nil }
        var scores: [(String, DistributionShift)] = []
        if let categories = reference.categories, let shift = DistributionShift(tally.categories, from: categories) {
            scores.append(("class", shift))
        }
        for measure in PredictionSample.Measure.allCases {
            guard let bins = reference.measures[measure], let counts = tally.bins[measure],
                counts.count == bins.counts.count, let shift = DistributionShift(counts, from: bins.counts)
            else { continue }
            scores.append((measure.rawValue, shift))
        }
        self.scores = scores.filter { $0.1.chance <= Self.greatestChance }.sorted { $0.0 < $1.0 }
    }

    /// The largest population stability index of all; nil without any.
    public var largest: Double? { scores.map(\.shift.populationStabilityIndex).max() }
}
