// SPDX-License-Identifier: Apache-2.0

/// What can be summed over time.
public protocol Tally: Sendable {
    /// Of nothing.
    init()
    /// Takes another in.
    mutating func merge(_ other: Self)
}

/// What true labels said of predictions.
public struct LabelTally: Tally, Hashable {
    /// Of classes: right among labelled ones.
    public private(set) var accuracy = Proportion()
    /// Of classes.
    public private(set) var calibration = Calibration()
    /// Of values.
    public private(set) var regression = RegressionError()

    /// Of no label.
    public init() {}

    /// Instances with a label.
    public var count: Int { accuracy.trials + regression.count }

    /// One more label.
    public mutating func add(_ labelled: LabelledPrediction) {
        guard let category = labelled.category else {
            return regression.add(predicted: labelled.output, label: labelled.label)
        }
        let isCorrect = Double(category) == labelled.label
        accuracy.trials += 1
        accuracy.successes += isCorrect ? 1 : 0
        calibration.add(confidence: labelled.output, isCorrect: isCorrect)
    }

    /// Takes another in.
    public mutating func merge(_ other: LabelTally) {
        accuracy.trials += other.accuracy.trials
        accuracy.successes += other.accuracy.successes
        calibration.merge(other.calibration)
        regression.merge(other.regression)
    }
}

/// What was predicted, with or without labels.
public struct PredictionTally: Tally, Hashable {
    /// Instances answered.
    public private(set) var instances = 0
    /// Requests answered.
    public private(set) var requests = 0
    /// Requests whose inference failed.
    public private(set) var failures = 0
    /// Instances looked at, all or some of many, whose confidence or value is finite.
    public private(set) var sampled = 0
    /// Σ of their confidences or values.
    public private(set) var outputSum = 0.0
    /// Those of them that can be compared with the reference: not those that it was made of.
    public private(set) var compared = 0
    /// Of the predicted classes of those that are compared.
    public private(set) var categories = Array(repeating: 0, count: PredictionSample.categoryBins)
    /// In the bins of the reference.
    public private(set) var bins: [PredictionSample.Measure: [Int]] = [:]

    /// Of nothing.
    public init() {}

    /// Failed requests among all.
    public var errors: Proportion { Proportion(successes: failures, trials: requests + failures) }

    /// What came since the last time.
    ///
    /// - Parameter reference: nil while there is none.
    public mutating func add(_ delta: SketchDelta, reference: ReferenceProfile?) {
        instances += delta.instances
        requests += delta.requests
        failures += delta.failures
        for sample in delta.samples {
            if sample.output.isFinite {
                sampled += 1
                outputSum += sample.output
            }
            guard let reference else { continue }
            compared += 1
            if let category = sample.category { categories[category % categories.count] += 1 }
            for (measure, known) in reference.measures {
                guard let value = sample[measure] else { continue }
                bins[measure, default: Array(repeating: 0, count: known.counts.count)][known.bin(value)] += 1
            }
        }
    }

    /// Takes another in; its bins must be of the same reference.
    public mutating func merge(_ other: PredictionTally) {
        instances += other.instances
        requests += other.requests
        failures += other.failures
        sampled += other.sampled
        outputSum += other.outputSum
        compared += other.compared
        for place in categories.indices { categories[place] += other.categories[place] }
        for (measure, counts) in other.bins {
            guard let own = bins[measure], own.count == counts.count else {
                bins[measure] = counts
                continue
            }
            bins[measure] = zip(own, counts).map(+)
        }
    }
}
