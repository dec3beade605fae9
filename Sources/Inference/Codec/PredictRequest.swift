// SPDX-License-Identifier: Apache-2.0

/// The input tensors of one request, ready to run.
public struct PredictRequest: Hashable, Sendable {
    /// Which form the request has and the answer takes.
    public enum Form: Hashable, Sendable {
        /// `instances` in, `predictions` out (TensorFlow Serving REST API).
        case row
        /// `inputs` in, `outputs` out (TensorFlow Serving REST API).
        case column
        /// Tensors in, tensors out; whoever asks writes them.
        case tensors
    }

    /// In the order of the signature; for a model with a batch the first dimension of each is `count`.
    public let inputs: [Tensor]
    /// Instances, at least 1; 1 for a model without a batch.
    public let count: Int
    /// The form of the answer.
    public let form: Form
    /// Whether the answer may hold NaN and infinite numbers, for which JSON has no form.
    public let allowsNonFinite: Bool

    /// For a model with a batch.
    ///
    /// - Precondition: there is an input, and all have the same first dimension, at least 1.
    public init(inputs: [Tensor], form: Form = .row, allowsNonFinite: Bool = false) {
        let count = inputs.first?.shape.first ?? 0
        precondition(
            count > 0 && inputs.allSatisfy { $0.shape.first == count },
            "every input of a request holds the same number of instances, at least one"
        )
        self.init(inputs, count: count, form, allowsNonFinite)
    }

    /// For a model without a batch: the tensors are what they are.
    public init(whole inputs: [Tensor], form: Form, allowsNonFinite: Bool = false) {
        self.init(inputs, count: 1, form, allowsNonFinite)
    }

    private init(_ inputs: [Tensor], count: Int, _ form: Form, _ allowsNonFinite: Bool) {
        self.inputs = inputs
        self.count = count
        self.form = form
        self.allowsNonFinite = allowsNonFinite
    }
}
