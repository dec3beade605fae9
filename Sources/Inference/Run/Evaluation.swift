// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import Quality

/// How well and how fast a model answers labelled instances.
public struct Evaluation: Sendable {
    /// What labels and answers were.
    public let task: PredictionTask
    /// Instances evaluated.
    public let count: Int
    /// Of a classifier: rows are labels, columns predictions; as many of each as there are classes.
    public let matrix: ConfusionMatrix
    /// Of a classifier's confidences.
    public let calibration: Calibration
    /// Of a classifier's probabilities, where its outputs are some.
    public let scores: ProbabilityScores?
    /// Of a regression.
    public let regression: RegressionError
    /// Of each instance in its order, whether a classifier was right.
    public let isCorrect: [Bool]
    /// What drift can be measured from.
    public let reference: ReferenceProfile?
    /// Nanoseconds of an inference of one instance.
    public let latency: Latency

    /// Instances whose largest output stands at their label.
    public var correct: Int { matrix.accuracy.successes }
    /// `confusion[label][predicted]`.
    public var confusion: [[Int]] { matrix.counts }
    /// The share of instances answered right: Σ I(y = y′) / n; 0 for a regression.
    public var accuracy: Double { matrix.accuracy.ratio ?? 0 }

    /// Nanoseconds over all instances; percentiles by nearest rank.
    public struct Latency: Hashable, Sendable {
        /// The arithmetic mean.
        public let mean: Double
        /// The median.
        public let p50: Int64
        /// What 99 of 100 stay within.
        public let p99: Int64

        /// - Precondition: there is a duration.
        init(_ durations: [Int64]) {
            let sorted = durations.sorted()
            func percentile(_ percent: Int) -> Int64 { sorted[(sorted.count * percent + 99) / 100 - 1] }
            mean = sorted.reduce(0) { $0 + Double($1) } / Double(sorted.count)
            p50 = percentile(50)
            p99 = percentile(99)
        }

        /// Instances that one thread answers in a second, one at a time.
        public var perSecond: Double { mean > 0 ? 1e9 / mean : 0 }
    }

    /// Runs every line of an NDJSON text, one at a time, through a worker as a request would be.
    ///
    /// - Parameter lines: lines of `{"label":7,"instance":[…]}`; empty lines are passed over.
    /// - Returns: as ``run(_:on:worker:progress:)``.
    public static func run(
        _ lines: UnsafeRawBufferPointer,
        on model: Model,
        worker: InferenceWorker
    ) -> Result<Evaluation, Refusal> {
        run(.lines(Array(lines), file: ""), on: model, worker: worker)
    }

    /// Runs every instance, one at a time, through a worker as a request would be.
    ///
    /// - Parameter progress: hears now and then how many instances are done, and of how many, where that is known.
    /// - Returns: the figures, or a refusal that names the place: an instance that is not the model's, a label that is no
    ///   class, no instance at all, or a model that is neither a classifier nor a regression of one input (``Model/task``).
    public static func run(
        _ source: LabelledData,
        on model: Model,
        worker: InferenceWorker,
        progress: (Int, Int?) -> Void = { _, _ in }
    ) -> Result<Evaluation, Refusal> {
        do throws(Refusal) {
            return .success(try Evaluation(source, model, worker, progress))
        } catch {
            return .failure(error)
        }
    }

    private init(
        _ source: LabelledData,
        _ model: Model,
        _ worker: InferenceWorker,
        _ progress: (Int, Int?) -> Void
    ) throws(Refusal) {
        guard let task = model.task, model.signature.inputs.count == 1 else {
            throw Refusal(
                .fieldInvalid,
                "only a classifier can be evaluated, of one input and one FP32 output of shape [any, classes], and a "
                    + "regression, of shape [any] or [any, 1]"
            )
        }
        var tally = EvaluationTally(task)
        try source.forEach(model.signature.inputs[0]) { label, request throws(Refusal) in
            let answer: PredictResponse
            switch worker.predict(request, on: model) {
            case .success(let success): answer = success
            case .failure(let error): throw error.refusal
            }
            try tally.add(BatchAnswer(answer), label: label)
            if tally.durations.count % 64 == 0 { progress(tally.durations.count, source.count) }
        }
        guard !tally.durations.isEmpty else { throw Refusal(.instancesEmpty, "there is no instance to evaluate") }
        progress(tally.durations.count, source.count)
        self.task = task
        count = tally.durations.count
        matrix = tally.matrix
        calibration = tally.calibration
        scores = tally.isProbability ? tally.scores : nil
        regression = tally.regression
        isCorrect = tally.isCorrect
        reference = ReferenceProfile(tally.samples)
        latency = Latency(tally.durations)
    }
}

/// What is gathered while an evaluation runs.
private struct EvaluationTally {
    let task: PredictionTask
    var matrix: ConfusionMatrix
    var calibration = Calibration()
    var scores = ProbabilityScores()
    var isProbability = true
    var regression = RegressionError()
    var isCorrect: [Bool] = []
    var samples: [PredictionSample] = []
    var durations: [Int64] = []

    init(_ task: PredictionTask) {
        self.task = task
        switch task {
        case .classification(let classes): matrix = ConfusionMatrix(classes: classes)
        case .regression: matrix = ConfusionMatrix(classes: 0)
        }
    }

    mutating func add(_ answer: BatchAnswer, label: Double) throws(Refusal) {
        let prediction = answer.prediction(of: 0)
        switch task {
        case .regression: regression.add(predicted: prediction.output, label: label)
        case .classification(let classes):
            guard let known = Int(exactly: label), (0..<classes).contains(known) else {
                let text = Int(exactly: label).map(String.init) ?? "\(label)"
                throw Refusal(.fieldInvalid, "label \(text) is none of the model's \(classes) classes")
            }
            let predicted = Int(prediction.category)
            matrix.add(label: known, predicted: predicted)
            calibration.add(confidence: prediction.output, isCorrect: known == predicted)
            isCorrect.append(known == predicted)
            let outputs = answer.outputs[0].floats?.map(Double.init) ?? []
            if outputs.contains(where: { $0 < 0 }) || abs(outputs.reduce(0, +) - 1) > 1e-3 { isProbability = false }
            scores.add(outputs, label: known)
        }
        samples.append(
            PredictionSample(
                category: prediction.category < 0 ? nil : Int(prediction.category),
                output: prediction.output,
                input: answer.inputMoments(of: 0)
            )
        )
        durations.append(answer.nanoseconds)
    }
}
