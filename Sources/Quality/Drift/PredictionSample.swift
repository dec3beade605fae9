// SPDX-License-Identifier: Apache-2.0

/// What is looked at of one instance to see whether inputs or outputs drift.
public struct PredictionSample: Sendable {
    /// Measures that have deciles.
    public enum Measure: String, Hashable, Sendable, CaseIterable {
        /// The confidence of a classifier, the value of a regression.
        case output
        /// Mean of the instance's numbers.
        case inputMean = "input_mean"
        /// Standard deviation of the instance's numbers.
        case inputDeviation = "input_deviation"
    }

    /// The class that was predicted; nil for a regression.
    public var category: Int?
    /// See ``Measure/output``.
    public var output: Double
    /// nil for inputs that are no numbers.
    public var input: (mean: Double, deviation: Double)?

    /// What was seen of an instance.
    public init(category: Int?, output: Double, input: (mean: Double, deviation: Double)?) {
        self.category = category
        self.output = output
        self.input = input
    }

    /// nil where the instance has none.
    public subscript(_ measure: Measure) -> Double? {
        switch measure {
        case .output: output
        case .inputMean: input?.mean
        case .inputDeviation: input?.deviation
        }
    }

    /// Classes from here on share the histogram's bins with those before, modulo this.
    public static let categoryBins = 64
}
