// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// How well and how fast a classifier answers labelled instances.
public struct Evaluation: Hashable, Sendable {
    /// Instances evaluated.
    public let count: Int
    /// Instances whose largest output stands at their label.
    public let correct: Int
    /// `confusion[label][predicted]`; as many rows and columns as the model has classes.
    public let confusion: [[Int]]
    /// Nanoseconds of an inference of one instance.
    public let latency: Latency

    /// The share of instances answered right: Σ I(y = y′) / n.
    public var accuracy: Double { Double(correct) / Double(count) }

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
    }

    /// Runs every line of an NDJSON text, one at a time, through a worker as a request would be.
    ///
    /// - Parameter lines: lines of `{"label":7,"instance":[…]}`; empty lines are passed over.
    /// - Returns: the figures, or a refusal that names the line: an instance that is not the model's, a label that is
    ///   no class, no line at all, or a model that is no classifier of one input and one output `[batch, classes]`.
    public static func run(
        _ lines: UnsafeRawBufferPointer,
        on model: Model,
        worker: InferenceWorker
    ) -> Result<Evaluation, Refusal> {
        do throws(Refusal) {
            return .success(try Evaluation(lines, model, worker))
        } catch {
            return .failure(error)
        }
    }

    private init(_ text: UnsafeRawBufferPointer, _ model: Model, _ worker: InferenceWorker) throws(Refusal) {
        let signature = model.signature
        guard signature.inputs.count == 1, signature.outputs.count == 1, signature.outputs[0].elementType == .float32,
            signature.outputs[0].shape.count == 2, signature.outputs[0].shape[1] > 1
        else {
            throw Refusal(
                .fieldInvalid,
                "only a classifier can be evaluated: one input, and one FP32 output of shape [any, classes]"
            )
        }
        let classes = signature.outputs[0].shape[1]
        var confusion = Array(repeating: Array(repeating: 0, count: classes), count: classes)
        var durations: [Int64] = []
        var number = 0
        for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x0d }) { continue }
            do throws(Refusal) {
                let line = UnsafeRawBufferPointer(rebasing: line)
                let (label, request) = try LabelledInstance.parse(line, signature.inputs[0])
                guard label < classes else {
                    throw Refusal(.fieldInvalid, "label \(label) is none of the model's \(classes) classes")
                }
                let answer: PredictResponse
                switch worker.predict(request, on: model) {
                case .success(let success): answer = success
                case .failure(let error): throw error.refusal
                }
                let scores = answer.outputs[0].floats ?? []
                let predicted = scores.indices.max { scores[$0] < scores[$1] } ?? 0
                confusion[label][predicted] += 1
                durations.append(answer.nanoseconds)
            } catch {
                var refusal = error
                refusal.sentence = "line \(number): \(error.sentence)"
                throw refusal
            }
        }
        guard !durations.isEmpty else { throw Refusal(.instancesEmpty, "there is no instance to evaluate") }
        count = durations.count
        correct = confusion.indices.reduce(0) { $0 + confusion[$1][$1] }
        self.confusion = confusion
        latency = Latency(durations)
    }
}
