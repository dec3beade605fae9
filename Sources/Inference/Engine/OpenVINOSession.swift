// SPDX-License-Identifier: Apache-2.0

import COpenVINO

/// A compiled model with its infer request and input tensors.
final class OpenVINOSession: EngineSession {
    private let signature: ModelSignature
    private let compiled: OpaquePointer
    private let request: OpaquePointer
    /// For a session without ``bound``: they are set anew whenever the shape changes.
    private var inputs: [InputTensor] = []
    /// The inputs of the last run with texts, which the infer request refers to.
    private var texts: [TensorOwner] = []
    /// When all shapes are known.
    private(set) var bound: BoundTensors?

    /// Takes the compiled model: it is freed with the session.
    init(compiled: OpaquePointer, signature: ModelSignature) throws(InferenceError) {
        var request: OpaquePointer?
        let status = ov_compiled_model_create_infer_request(compiled, &request)
        guard status == OK, let request else {
            ov_compiled_model_free(compiled)
            throw InferenceError(.engineFailed, "the model cannot be made ready to run")
        }
        self.signature = signature
        self.compiled = compiled
        self.request = request
        // The session is whole from here on: when binding fails, deinit frees what was made.
        bound = try BoundTensors(request: request, compiled: compiled, signature: signature)
        if bound != nil { return }
        for info in signature.inputs {
            inputs.append(InputTensor(elementType: info.elementType))
        }
    }

    deinit {
        ov_infer_request_free(request)
        inputs = []
        texts = []
        bound = nil
        ov_compiled_model_free(compiled)
    }

    func run(
        shapes: [[Int]],
        fill: (_ input: Int, _ memory: UnsafeMutableRawBufferPointer) -> Void
    ) throws(InferenceError) -> [Tensor] {
        if let bound { return try run(bound, shapes: shapes, fill: fill) }
        for index in inputs.indices {
            // Every shape is set and checked here: after a refused tensor the engine would run on the old data.
            let tensor = try inputs[index].prepare(shape: shapes[index])
            fill(index, tensor.memory)
            if tensor.isNew {
                try check(
                    ov_infer_request_set_input_tensor_by_index(request, index, tensor.pointer),
                    .engineFailed,
                    "the engine refuses input '\(signature.inputs[index].name)'"
                )
            }
        }
        try infer()
        var outputs: [Tensor] = []
        outputs.reserveCapacity(signature.outputs.count)
        for index in signature.outputs.indices { outputs.append(try output(index)) }
        return outputs
    }

    func run(whole tensors: [Tensor]) throws(InferenceError) -> [Tensor] {
        guard (signature.inputs + signature.outputs).contains(where: { $0.elementType == .bytes }) else {
            return try run(shapes: tensors.map(\.shape)) { input, memory in
                tensors[input].bytes.withUnsafeBytes { memory.copyMemory(from: $0) }
            }
        }
        var owners: [TensorOwner] = []
        for (index, tensor) in tensors.enumerated() {
            let owner: TensorOwner
            if tensor.elementType == .bytes {
                owner = try TensorOwner(texts: tensor, name: signature.inputs[index].name)
            } else {
                owner = try TensorOwner(elementType: tensor.elementType, shape: tensor.shape)
                var data: UnsafeMutableRawPointer?
                try check(ov_tensor_data(owner.pointer, &data), .engineFailed, "an input tensor has no memory")
                tensor.bytes.withUnsafeBytes { data?.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
            }
            owners.append(owner)
            try check(
                ov_infer_request_set_input_tensor_by_index(request, index, owner.pointer),
                .engineFailed,
                "the engine refuses input '\(signature.inputs[index].name)'"
            )
        }
        texts = owners
        try infer()
        var outputs: [Tensor] = []
        for index in signature.outputs.indices { outputs.append(try output(index)) }
        return outputs
    }

    func infer() throws(InferenceError) {
        try check(ov_infer_request_infer(request), .engineFailed, "the inference failed")
    }

    private func run(
        _ bound: BoundTensors,
        shapes: [[Int]],
        fill: (_ input: Int, _ memory: UnsafeMutableRawBufferPointer) -> Void
    ) throws(InferenceError) -> [Tensor] {
        guard shapes == bound.inputShapes else {
            throw InferenceError(
                .engineFailed,
                "the model was made ready for inputs of shape \(bound.inputShapes.map { describe(shape: $0) })"
            )
        }
        for (index, memory) in bound.inputs.enumerated() { fill(index, memory) }
        try infer()
        return signature.outputs.indices.map { index in
            Tensor(
                elementType: signature.outputs[index].elementType,
                shape: bound.outputShapes[index],
                bytes: Array(bound.outputs[index])
            )
        }
    }

    private func output(_ index: Int) throws(InferenceError) -> Tensor {
        let info = signature.outputs[index]
        var pointer: OpaquePointer?
        try check(
            ov_infer_request_get_output_tensor_by_index(request, index, &pointer),
            .engineFailed,
            "output '\(info.name)' cannot be read"
        )
        defer { ov_tensor_free(pointer) }
        var shape = ov_shape_t()
        // The C API has no shape for a scalar.
        if !info.shape.isEmpty {
            try check(ov_tensor_get_shape(pointer, &shape), .engineFailed, "output '\(info.name)' has no shape")
        }
        defer { if !info.shape.isEmpty { ov_shape_free(&shape) } }
        var size = 0
        try check(ov_tensor_get_byte_size(pointer, &size), .engineFailed, "output '\(info.name)' has no size")
        let dimensions = (0..<Int(shape.rank)).map { Int(shape.dims[$0]) }
        if info.elementType == .bytes { return try texts(of: pointer, info, dimensions, size: size) }
        guard dimensions.reduce(info.elementType.size, *) == size else {
            throw InferenceError(.engineFailed, "output '\(info.name)' is not of its type and shape")
        }
        var data: UnsafeMutableRawPointer?
        if size > 0 {
            try check(ov_tensor_data(pointer, &data), .engineFailed, "output '\(info.name)' has no data")
        }
        return Tensor(
            elementType: info.elementType,
            shape: dimensions,
            bytes: Array(UnsafeRawBufferPointer(start: data, count: size))
        )
    }

    /// The C API has no call that reads texts, so they are read where they lie: see shim.h.
    private func texts(
        of pointer: OpaquePointer?,
        _ info: TensorInfo,
        _ shape: [Int],
        size: Int
    ) throws(InferenceError) -> Tensor {
        let count = shape.reduce(1, *)
        guard size == count * tollgate_ov_string_size() else {
            throw InferenceError(.engineFailed, "output '\(info.name)' holds texts of a form that cannot be read")
        }
        var data: UnsafeMutableRawPointer?
        if count > 0 { try check(ov_tensor_data(pointer, &data), .engineFailed, "output '\(info.name)' has no data") }
        var bytes: [UInt8] = []
        for index in 0..<count {
            var length = 0
            let text = tollgate_ov_string(data, index, &length)
            guard length <= Int(UInt32.max) else {
                throw InferenceError(.engineFailed, "output '\(info.name)' holds a text of more than 4 GiB")
            }
            ByteElements.append(UnsafeBufferPointer(start: text, count: length), to: &bytes)
        }
        return Tensor(elementType: .bytes, shape: shape, bytes: bytes)
    }
}

/// An input tensor that grows to the largest batch seen and is reshaped for the others.
private struct InputTensor {
    let elementType: ElementType
    private var owner: TensorOwner?
    private var shape: [Int] = []
    private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    init(elementType: ElementType) { self.elementType = elementType }

    struct Prepared {
        let pointer: OpaquePointer
        let memory: UnsafeMutableRawBufferPointer
        /// The infer request has not seen it yet in this shape.
        let isNew: Bool
    }

    mutating func prepare(shape wanted: [Int]) throws(InferenceError) -> Prepared {
        if let owner, shape == wanted { return Prepared(pointer: owner.pointer, memory: memory, isNew: false) }
        let owner = try TensorOwner(elementType: elementType, shape: wanted)
        var data: UnsafeMutableRawPointer?
        try check(ov_tensor_data(owner.pointer, &data), .engineFailed, "an input tensor has no memory")
        self.owner = owner
        shape = wanted
        memory = UnsafeMutableRawBufferPointer(start: data, count: wanted.reduce(elementType.size, *))
        return Prepared(pointer: owner.pointer, memory: memory, isNew: true)
    }
}

private final class TensorOwner {
    let pointer: OpaquePointer

    /// - Throws: `inputInvalid` for an element with a NUL byte, which the engine's C API takes for its end.
    init(texts tensor: Tensor, name: String) throws(InferenceError) {
        let texts = try TerminatedTexts(tensor, input: name)
        var dimensions = tensor.shape.map(Int64.init)
        var pointer: OpaquePointer?
        let status = texts.withPointers { texts in
            dimensions.withUnsafeMutableBufferPointer { buffer in
                ov_tensor_create_from_string_array(
                    texts.baseAddress,
                    texts.count,
                    ov_shape_t(rank: Int64(buffer.count), dims: buffer.baseAddress),
                    &pointer
                )
            }
        }
        try check(status, .engineFailed, "an input tensor of shape \(describe(shape: tensor.shape)) cannot be made")
        guard let pointer else { throw InferenceError(.engineFailed, "an input tensor cannot be made") }
        self.pointer = pointer
    }

    init(elementType: ElementType, shape: [Int]) throws(InferenceError) {
        var dimensions = shape.map(Int64.init)
        var pointer: OpaquePointer?
        let status = dimensions.withUnsafeMutableBufferPointer { buffer in
            ov_tensor_create(
                elementType.openVINO,
                ov_shape_t(rank: Int64(buffer.count), dims: buffer.baseAddress),
                &pointer
            )
        }
        try check(status, .engineFailed, "an input tensor of shape \(describe(shape: shape)) cannot be made")
        guard let pointer else { throw InferenceError(.engineFailed, "an input tensor cannot be made") }
        self.pointer = pointer
    }

    deinit { ov_tensor_free(pointer) }
}
