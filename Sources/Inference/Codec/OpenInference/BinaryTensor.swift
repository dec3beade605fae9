// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Tensors as bytes: little-endian, row-major, without padding (the protocol's extension `binary_tensor_data`).
enum BinaryTensor {
    /// - Throws: `length_invalid` where the bytes are not as many as the shape says, `type_mismatch` for a bool that is
    ///   neither 0 nor 1.
    static func read(_ bytes: UnsafeRawBufferPointer, _ info: TensorInfo, _ shape: [Int]) throws(Refusal) -> Tensor {
        if info.elementType == .bytes {
            let count = shape.reduce(1, *)
            guard ByteElements.ranges(in: bytes, count: count) != nil else {
                throw Refusal(
                    .lengthInvalid,
                    "input '\(info.name)' must be \(count) elements, each its length in four bytes, little-endian, and as "
                        + "many bytes; \(bytes.count) bytes are not that"
                )
            }
            return Tensor(elementType: .bytes, shape: shape, bytes: Array(bytes))
        }
        let expected = shape.reduce(info.elementType.size, *)
        guard bytes.count == expected else {
            throw Refusal(
                .lengthInvalid,
                "input '\(info.name)' of type \(info.elementType.rawValue) and shape \(describe(shape: shape)) takes "
                    + "\(expected) bytes, got \(bytes.count)"
            )
        }
        if info.elementType == .bool, let place = bytes.firstIndex(where: { $0 > 1 }) {
            throw Refusal(
                .typeMismatch,
                "input '\(info.name)' has \(bytes[place]) at byte \(place); a BOOL is a byte of 0 or 1"
            )
        }
        return Tensor(elementType: info.elementType, shape: shape, bytes: Array(bytes))
    }

    /// A body that is nothing but the only input's bytes ("Raw Binary Request"): the shape is the model's, and its one open
    /// dimension follows from the length; of two, the batch is 1.
    static func raw(
        _ bytes: UnsafeRawBufferPointer,
        _ model: ModelName,
        _ signature: ModelSignature,
        maxInstances: Int
    ) throws(Refusal) -> PredictRequest {
        guard signature.inputs.count == 1 else {
            throw Refusal(
                .fieldInvalid,
                "a raw binary request is for models of one input; '\(model)' takes \(signature.inputNames)"
            )
        }
        let info = signature.inputs[0]
        var shape = info.shape
        if info.elementType == .bytes {
            shape = shape.map { $0 < 0 ? 1 : $0 }
            guard shape.allSatisfy({ $0 == 1 }) else {
                throw Refusal(.shapeMismatch, "a raw binary request of BYTES is one element; '\(info.name)' takes more")
            }
            var element: [UInt8] = []
            ByteElements.append(bytes, to: &element)
            let tensor = Tensor(elementType: .bytes, shape: shape, bytes: element)
            return PredictRequest(whole: [tensor], form: .tensors, allowsNonFinite: true)
        }
        // A batch that is fixed in the model is no limit to a request: it is padded.
        if signature.isBatched { shape[0] = shape.dropFirst().contains(-1) ? 1 : -1 }
        let open = shape.indices.filter { shape[$0] < 0 }
        guard open.count <= 1 else {
            throw Refusal(
                .shapeMismatch,
                "a raw binary request is for inputs with one open dimension at most; '\(info.name)' has shape "
                    + describe(shape: shape)
            )
        }
        if let place = open.first {
            let known = shape.filter { $0 > 0 }.reduce(info.elementType.size, *)
            guard !bytes.isEmpty, bytes.count % known == 0 else {
                throw Refusal(
                    .lengthInvalid,
                    "the body must hold a multiple of \(known) bytes for input '\(info.name)', got \(bytes.count)"
                )
            }
            shape[place] = bytes.count / known
        }
        try InferInput.check(shape, info, signature, model, maxInstances)
        let tensor = try read(bytes, info, shape)
        return signature.isBatched
            ? PredictRequest(inputs: [tensor], form: .tensors, allowsNonFinite: true)
            : PredictRequest(whole: [tensor], form: .tensors, allowsNonFinite: true)
    }
}
