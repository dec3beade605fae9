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

    /// What an engine says of a model.
    ///
    /// - Throws: `modelUnsupported` for what cannot be served.
    init(served inputs: [TensorInfo], _ outputs: [TensorInfo]) throws(InferenceError) {
        guard Set(inputs.map(\.name)).count == inputs.count, Set(outputs.map(\.name)).count == outputs.count else {
            throw InferenceError(.modelUnsupported, "two inputs or two outputs of the model have the same name")
        }
        let first = (inputs + outputs).map(\.shape.first)
        // Texts differ in length, so requests of them do not lie behind one another.
        let hasTexts = (inputs + outputs).contains { $0.elementType == .bytes }
        self.init(
            inputs: inputs,
            outputs: outputs,
            // A model with an open and a fixed input takes pieces of any length and a state: that is no batch.
            isBatched: !hasTexts && !first.contains(nil) && Set(inputs.map { $0.shape.first }).count == 1
                && Set(first.compactMap(\.self).filter { $0 > 0 }).count <= 1
        )
    }

    static func checkCounts(inputs: Int, outputs: Int) throws(InferenceError) {
        guard (1...64).contains(inputs), (1...64).contains(outputs) else {
            throw InferenceError(
                .modelUnsupported,
                "the model has \(inputs) inputs and \(outputs) outputs; 1 to 64 of each are served"
            )
        }
    }

    /// The batch the model was exported with when it takes no other; nil when it takes any.
    public var fixedBatch: Int? {
        isBatched ? (inputs + outputs).map { $0.shape[0] }.first { $0 > 0 } : nil
    }

    /// The names of the inputs, for messages.
    var inputNames: String { inputs.map { "'\($0.name)'" }.joined(separator: ", ") }
}
