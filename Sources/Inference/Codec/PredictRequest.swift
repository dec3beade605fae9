// SPDX-License-Identifier: Apache-2.0

/// The input tensors of one request, ready to run.
public struct PredictRequest: Hashable, Sendable {
    /// Which form the request has and the answer takes (TensorFlow Serving REST API).
    public enum Form: Hashable, Sendable {
        /// `instances` in, `predictions` out.
        case row
        /// `inputs` in, `outputs` out.
        case column
    }

    /// In the order of the signature; the first dimension of each is `count`.
    public let inputs: [Tensor]
    /// Instances, at least 1.
    public let count: Int
    /// The form of the answer.
    public let form: Form

    /// - Precondition: there is an input, and all have the same first dimension, at least 1.
    public init(inputs: [Tensor], form: Form = .row) {
        let count = inputs.first?.shape.first ?? 0
        precondition(
            count > 0 && inputs.allSatisfy { $0.shape.first == count },
            "every input of a request holds the same number of instances, at least one"
        )
        self.inputs = inputs
        self.count = count
        self.form = form
    }
}
