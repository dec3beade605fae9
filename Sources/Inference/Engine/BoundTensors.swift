// SPDX-License-Identifier: Apache-2.0

import COpenVINO

/// The inputs and outputs of an infer request whose shapes are all known, in memory of ours that is set once.
///
/// A run then needs no call but the inference itself: the values stand in the inputs' memory before it and in the
/// outputs' after it.
final class BoundTensors {
    /// In the signature's order; on cache lines of their own.
    private(set) var inputs: [UnsafeMutableRawBufferPointer] = []
    private(set) var outputs: [UnsafeMutableRawBufferPointer] = []
    private(set) var inputShapes: [[Int]] = []
    private(set) var outputShapes: [[Int]] = []
    private var tensors: [OpaquePointer] = []

    /// Binds the request of a compiled model; nil when a shape of it is open, or texts go in or out.
    ///
    /// The request must end before this does.
    init?(
        request: OpaquePointer,
        compiled: OpaquePointer,
        signature: ModelSignature
    ) throws(InferenceError) {
        guard !(signature.inputs + signature.outputs).contains(where: { $0.elementType == .bytes }) else { return nil }
        for index in signature.inputs.indices {
            guard let shape = try staticShape(of: compiled, index, ov_compiled_model_input_by_index) else { return nil }
            inputShapes.append(shape)
        }
        for index in signature.outputs.indices {
            guard let shape = try staticShape(of: compiled, index, ov_compiled_model_output_by_index) else {
                return nil
            }
            outputShapes.append(shape)
        }
        for (index, info) in signature.inputs.enumerated() {
            let (tensor, memory) = try make(info, shape: inputShapes[index])
            inputs.append(memory)
            try check(
                ov_infer_request_set_input_tensor_by_index(request, index, tensor),
                .engineFailed,
                "the engine refuses input '\(info.name)'"
            )
        }
        for (index, info) in signature.outputs.enumerated() {
            let (tensor, memory) = try make(info, shape: outputShapes[index])
            outputs.append(memory)
            try check(
                ov_infer_request_set_output_tensor_by_index(request, index, tensor),
                .engineFailed,
                "the engine refuses output '\(info.name)'"
            )
        }
    }

    deinit {
        for tensor in tensors { ov_tensor_free(tensor) }
        for memory in inputs + outputs { memory.deallocate() }
    }

    private func make(
        _ info: TensorInfo,
        shape: [Int]
    ) throws(InferenceError) -> (OpaquePointer, UnsafeMutableRawBufferPointer) {
        let bytes = shape.reduce(info.elementType.size, *)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes, 1), alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        var dimensions = shape.map(Int64.init)
        var pointer: OpaquePointer?
        let status = dimensions.withUnsafeMutableBufferPointer { buffer in
            ov_tensor_create_from_host_ptr(
                info.elementType.openVINO,
                ov_shape_t(rank: Int64(buffer.count), dims: buffer.baseAddress),
                memory.baseAddress,
                &pointer
            )
        }
        guard status == OK, let pointer else {
            memory.deallocate()
            throw InferenceError(.engineFailed, "a tensor of shape \(describe(shape: shape)) cannot be made")
        }
        tensors.append(pointer)
        return (pointer, UnsafeMutableRawBufferPointer(rebasing: memory[..<bytes]))
    }
}

/// The shape of a port of a compiled model; nil when it is open.
private func staticShape(
    of compiled: OpaquePointer,
    _ index: Int,
    _ port: (OpaquePointer, Int, UnsafeMutablePointer<OpaquePointer?>) -> ov_status_e
) throws(InferenceError) -> [Int]? {
    var output: OpaquePointer?
    try check(port(compiled, index, &output), .engineFailed, "port \(index) of the compiled model cannot be read")
    defer { ov_output_const_port_free(output) }
    var partial = ov_partial_shape_t()
    try check(ov_port_get_partial_shape(output, &partial), .engineFailed, "port \(index) has no shape")
    defer { ov_partial_shape_free(&partial) }
    guard partial.rank.min == partial.rank.max, partial.rank.min >= 0 else { return nil }
    if partial.rank.min == 0 { return [] }
    guard let dimensions = partial.dims else { return nil }
    let shape = (0..<Int(partial.rank.min)).map { (dimensions[$0].min, dimensions[$0].max) }
    guard shape.allSatisfy({ $0.0 == $0.1 && $0.0 > 0 }) else { return nil }
    return shape.map { Int($0.0) }
}
