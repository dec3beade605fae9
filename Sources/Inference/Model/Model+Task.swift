// SPDX-License-Identifier: Apache-2.0

public import Quality

extension Model {
    /// What labels of its predictions are: for a model of one FP32 output `[batch, classes]` classes, for one of `[batch]` or
    /// `[batch, 1]` numbers; nil for all others.
    public var task: PredictionTask? {
        guard signature.isBatched, signature.outputs.count == 1, let output = signature.outputs.first,
            output.elementType == .float32
        else { return nil }
        switch output.instanceShape {
        case []: return .regression
        case let shape where shape.count == 1 && shape[0] == 1: return .regression
        case let shape where shape.count == 1 && shape[0] > 1: return .classification(classes: shape[0])
        default: return nil
        }
    }
}
