// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// One element of `inputs`, while it is read.
struct InferInput {
    /// Its place in `inputs`.
    let index: Int
    var name: String?
    var datatype: String?
    var shape: [Int]?
    var binarySize: Int?
    /// Where `data` stands that came before what says how to read it.
    var dataOffset: Int?
    /// `data` was read.
    var hasData = false

    init(index: Int) { self.index = index }

    var what: String { name.map { "input '\($0.prefix(100))'" } ?? "inputs[\(index)]" }

    /// What it lacks.
    var incomplete: Refusal {
        let missing = name == nil ? "name" : datatype == nil ? "datatype" : "shape"
        return Refusal(.fieldMissing, "\(what) has no '\(missing)'")
    }

    /// The model's input it is for, and its shape; nil while something lacks.
    func target(
        _ signature: ModelSignature,
        _ model: ModelName,
        _ maxInstances: Int
    ) throws(Refusal) -> (place: Int, shape: [Int])? {
        guard let name, let datatype, let shape else { return nil }
        guard let place = signature.inputs.firstIndex(where: { $0.name.utf8.elementsEqual(name.utf8) }) else {
            throw Refusal(
                .fieldInvalid,
                "unexpected inference input '\(name.prefix(100))' for model '\(model)'; it takes \(signature.inputNames)"
            )
        }
        let info = signature.inputs[place]
        guard datatype == info.elementType.rawValue else {
            throw Refusal(
                .typeMismatch,
                "inference input '\(info.name)' data-type is '\(datatype.prefix(32))', but model '\(model)' expects "
                    + "'\(info.elementType.rawValue)'"
            )
        }
        try Self.check(shape, info, signature, model, maxInstances)
        return (place, shape)
    }

    static func check(
        _ shape: [Int],
        _ info: TensorInfo,
        _ signature: ModelSignature,
        _ model: ModelName,
        _ maxInstances: Int
    ) throws(Refusal) {
        let inner = signature.isBatched ? 1 : 0
        var fits = shape.count == info.shape.count && shape.allSatisfy { $0 > 0 }
        if fits {
            fits = zip(info.shape, shape).dropFirst(inner).allSatisfy { $0 < 0 || $0 == $1 }
        }
        var bytes = info.elementType.size
        for dimension in shape {
            let (product, overflow) = bytes.multipliedReportingOverflow(by: dimension)
            fits = fits && !overflow
            bytes = product
        }
        guard fits else {
            let expected = (signature.isBatched ? [-1] : []) + info.shape.dropFirst(inner)
            throw Refusal(
                .shapeMismatch,
                "unexpected shape for input '\(info.name)' for model '\(model)'. Expected \(list(expected)), got \(list(shape))"
            )
        }
        if signature.isBatched, shape[0] > maxInstances {
            throw Refusal(
                .tooManyInstances,
                "input '\(info.name)' holds more than \(maxInstances) instances; send it in parts"
            )
        }
    }

    /// As Triton writes shapes.
    private static func list(_ shape: [Int]) -> String { "[" + shape.map(String.init).joined(separator: ",") + "]" }
}
