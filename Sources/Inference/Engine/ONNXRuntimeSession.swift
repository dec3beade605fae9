// SPDX-License-Identifier: Apache-2.0

import CONNXRuntime

/// One thread's inputs for a model of ONNX Runtime.
final class ONNXRuntimeSession: EngineSession {
    private let program: ONNXRuntimeProgram
    private let library: ONNXRuntimeLibrary
    private var inputs: [ONNXRuntimeInput]
    /// Never: the library makes the outputs anew in every run.
    var bound: BoundTensors? { nil }

    init(_ program: ONNXRuntimeProgram) {
        self.program = program
        library = program.engine.library
        inputs = program.signature.inputs.map { ONNXRuntimeInput($0, program.engine) }
    }

    func run(
        shapes: [[Int]],
        fill: (_ input: Int, _ memory: UnsafeMutableRawBufferPointer) -> Void
    ) throws(InferenceError) -> [Tensor] {
        for index in inputs.indices { fill(index, try inputs[index].prepare(shape: shapes[index])) }
        return try run()
    }

    func run(whole tensors: [Tensor]) throws(InferenceError) -> [Tensor] {
        for (index, tensor) in tensors.enumerated() {
            if tensor.elementType == .bytes {
                try inputs[index].fill(texts: tensor)
            } else {
                let memory = try inputs[index].prepare(shape: tensor.shape)
                tensor.bytes.withUnsafeBytes { memory.copyMemory(from: $0) }
            }
        }
        return try run()
    }

    /// - Throws: always; the caller asks only sessions that are ``bound``.
    func infer() throws(InferenceError) {
        throw InferenceError(.engineFailed, "a model of ONNX Runtime runs on tensors that are handed over")
    }

    private func run() throws(InferenceError) -> [Tensor] {
        let values = inputs.map(\.value)
        var results = [OpaquePointer?](repeating: nil, count: program.outputNames.count)
        defer { for result in results where result != nil { ort_release_value(library.api, result) } }
        try library.check(
            ort_run(
                library.api,
                program.session,
                nil,
                program.inputNames,
                values,
                values.count,
                program.outputNames,
                results.count,
                &results
            ),
            .engineFailed,
            "the inference failed"
        )
        var outputs: [Tensor] = []
        outputs.reserveCapacity(results.count)
        for (info, result) in zip(program.signature.outputs, results) { outputs.append(try output(info, result)) }
        return outputs
    }

    private func output(_ info: TensorInfo, _ value: OpaquePointer?) throws(InferenceError) -> Tensor {
        let unreadable = "output '\(info.name)' cannot be read"
        var isTensor: Int32 = 0
        try library.check(ort_is_tensor(library.api, value, &isTensor), .engineFailed, unreadable)
        guard isTensor != 0 else { throw InferenceError(.engineFailed, "output '\(info.name)' is no tensor") }
        var type: OpaquePointer?
        try library.check(ort_tensor_type(library.api, value, &type), .engineFailed, unreadable)
        defer { ort_release_tensor_type(library.api, type) }
        guard let type else { throw InferenceError(.engineFailed, unreadable) }
        let (element, shape) = try library.elementAndShape(type, of: info.name)
        guard element == info.elementType, !shape.contains(where: { $0 < 0 }) else {
            throw InferenceError(.engineFailed, "output '\(info.name)' is not of its type and shape")
        }
        if element == .bytes { return try texts(info, value, shape) }
        var data: UnsafeMutableRawPointer?
        let size = shape.reduce(element.size, *)
        if size > 0 { try library.check(ort_tensor_bytes(library.api, value, &data), .engineFailed, unreadable) }
        let bytes = Array(UnsafeRawBufferPointer(start: data, count: size))
        return Tensor(elementType: element, shape: shape, bytes: bytes)
    }

    private func texts(_ info: TensorInfo, _ value: OpaquePointer?, _ shape: [Int]) throws(InferenceError) -> Tensor {
        let unreadable = "output '\(info.name)' cannot be read"
        let count = shape.reduce(1, *)
        guard count > 0 else { return Tensor(elementType: .bytes, shape: shape, bytes: []) }
        var size = 0
        try library.check(ort_texts_size(library.api, value, &size), .engineFailed, unreadable)
        var content = [UInt8](repeating: 0, count: size + 1)
        var starts = [Int](repeating: 0, count: count)
        try library.check(
            ort_texts(library.api, value, &content, size, &starts, count),
            .engineFailed,
            unreadable
        )
        var bytes: [UInt8] = []
        for (start, end) in zip(starts, starts.dropFirst() + [size]) {
            guard start >= 0, end >= start, end <= size, end - start <= Int(UInt32.max) else {
                throw InferenceError(.engineFailed, unreadable)
            }
            ByteElements.append(content[start..<end], to: &bytes)
        }
        return Tensor(elementType: .bytes, shape: shape, bytes: bytes)
    }
}

/// An input's memory, which grows to the largest shape seen, and the library's tensor over it.
private final class ONNXRuntimeInput {
    private let info: TensorInfo
    private let engine: ONNXRuntimeEngine
    private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var shape: [Int]?
    private(set) var value: OpaquePointer?

    init(_ info: TensorInfo, _ engine: ONNXRuntimeEngine) {
        self.info = info
        self.engine = engine
    }

    deinit {
        release()
        memory.deallocate()
    }

    private func release() {
        if let value { ort_release_value(engine.library.api, value) }
        value = nil
        shape = nil
    }

    /// Memory of exactly that shape.
    func prepare(shape wanted: [Int]) throws(InferenceError) -> UnsafeMutableRawBufferPointer {
        let size = wanted.reduce(info.elementType.size, *)
        if shape == wanted { return UnsafeMutableRawBufferPointer(rebasing: memory[..<size]) }
        release()
        if memory.count < size || memory.baseAddress == nil {
            memory.deallocate()
            memory = .allocate(byteCount: max(size, 64), alignment: 64)
        }
        let dimensions = wanted.map(Int64.init)
        try engine.library.check(
            ort_create_tensor_over(
                engine.library.api,
                engine.memory,
                memory.baseAddress,
                size,
                dimensions,
                dimensions.count,
                info.elementType.onnx,
                &value
            ),
            .engineFailed,
            "an input tensor of shape \(describe(shape: wanted)) cannot be made"
        )
        shape = wanted
        return UnsafeMutableRawBufferPointer(rebasing: memory[..<size])
    }

    func fill(texts tensor: Tensor) throws(InferenceError) {
        let texts = try TerminatedTexts(tensor, input: info.name)
        release()
        let dimensions = tensor.shape.map(Int64.init)
        let made = "an input tensor of shape \(describe(shape: tensor.shape)) cannot be made"
        try engine.library.check(
            ort_create_tensor(
                engine.library.api,
                engine.allocator,
                dimensions,
                dimensions.count,
                info.elementType.onnx,
                &value
            ),
            .engineFailed,
            made
        )
        let status = texts.withPointers { ort_fill_texts(engine.library.api, value, $0.baseAddress, $0.count) }
        try engine.library.check(status, .engineFailed, made)
    }
}
