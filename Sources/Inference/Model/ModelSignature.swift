// SPDX-License-Identifier: Apache-2.0

/// The name, type and shape of one input or output of a model.
public struct TensorInfo: Hashable, Sendable {
    /// The name callers use.
    public var name: String
    /// The type of every element.
    public var elementType: ElementType
    /// Dimensions, the batch first where there is one; none for a scalar; -1 where any size goes.
    public var shape: [Int]

    /// The description of one tensor.
    public init(name: String, elementType: ElementType, shape: [Int]) {
        self.name = name
        self.elementType = elementType
        self.shape = shape
    }

    /// The shape of one instance: `shape` without the batch.
    public var instanceShape: [Int] { Array(shape.dropFirst()) }
}

/// What a model takes and gives.
///
/// The first dimension of every tensor is the batch, unless the model has none.
public struct ModelSignature: Hashable, Sendable {
    /// The one signature that is served, as in TensorFlow Serving.
    public static let defaultName = "serving_default"

    /// 1 to 64, with distinct names.
    public var inputs: [TensorInfo]
    /// 1 to 64, with distinct names.
    public var outputs: [TensorInfo]

    /// Whether the first dimension of every tensor counts instances, so that requests can share an inference. Without it
    /// each request runs alone, its tensors being what they are.
    public var isBatched: Bool

    /// A signature of those inputs and outputs.
    public init(inputs: [TensorInfo], outputs: [TensorInfo], isBatched: Bool = true) {
        self.inputs = inputs
        self.outputs = outputs
        self.isBatched = isBatched
    }

    /// The batch the model was exported with when it takes no other; nil when it takes any.
    public var fixedBatch: Int? {
        isBatched ? (inputs + outputs).map { $0.shape[0] }.first { $0 > 0 } : nil
    }

    /// The names of the inputs, for messages.
    var inputNames: String { inputs.map { "'\($0.name)'" }.joined(separator: ", ") }
}
