// SPDX-License-Identifier: Apache-2.0

import CONNXRuntime

/// An input or output of a model as ONNX Runtime knows it.
struct ONNXRuntimePort {
    /// As the file has it, with the NUL.
    let name: [CChar]
    let info: TensorInfo

    static func all(
        of session: OpaquePointer,
        _ engine: ONNXRuntimeEngine
    ) throws(InferenceError) -> (inputs: [ONNXRuntimePort], outputs: [ONNXRuntimePort]) {
        let (library, api) = (engine.library, engine.library.api)
        var (inputs, outputs) = (0, 0)
        try library.check(ort_input_count(api, session, &inputs), .modelInvalid, "the model's inputs cannot be read")
        try library.check(ort_output_count(api, session, &outputs), .modelInvalid, "the model's outputs cannot be read")
        try ModelSignature.checkCounts(inputs: inputs, outputs: outputs)
        var found: (inputs: [ONNXRuntimePort], outputs: [ONNXRuntimePort]) = ([], [])
        for index in 0..<inputs {
            found.inputs.append(
                try ONNXRuntimePort(session, index, engine, name: ort_input_name, type: ort_input_type)
            )
        }
        for index in 0..<outputs {
            found.outputs.append(
                try ONNXRuntimePort(session, index, engine, name: ort_output_name, type: ort_output_type)
            )
        }
        return found
    }

    private typealias NameOf = (
        ort_api?, OpaquePointer?, Int, OpaquePointer?, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    ) -> OpaquePointer?
    private typealias TypeOf = (ort_api?, OpaquePointer?, Int, UnsafeMutablePointer<OpaquePointer?>?) -> OpaquePointer?

    private init(
        _ session: OpaquePointer,
        _ index: Int,
        _ engine: ONNXRuntimeEngine,
        name nameOf: NameOf,
        type typeOf: TypeOf
    ) throws(InferenceError) {
        let (library, api) = (engine.library, engine.library.api)
        var text: UnsafeMutablePointer<CChar>?
        let unreadable = "a name of the model cannot be read"
        try library.check(nameOf(api, session, index, engine.allocator, &text), .modelInvalid, unreadable)
        guard let text else { throw InferenceError(.modelInvalid, unreadable) }
        let string = String(cString: text)
        name = Array(string.utf8CString)
        try library.check(ort_free_with(api, engine.allocator, text), .engineFailed, unreadable)

        var type: OpaquePointer?
        try library.check(typeOf(api, session, index, &type), .modelInvalid, "the type of '\(string)' cannot be read")
        defer { ort_release_type(api, type) }
        var tensor: OpaquePointer?
        try library.check(ort_as_tensor_type(api, type, &tensor), .modelInvalid, "'\(string)' has no type")
        guard let tensor else {
            throw InferenceError(.modelUnsupported, "'\(string)' is no tensor, and nothing else is served")
        }
        let found = try library.elementAndShape(tensor, of: string)
        guard found.shape.count <= 8 else {
            throw InferenceError(
                .modelUnsupported,
                "'\(string)' has \(found.shape.count) dimensions; at most 8 are served"
            )
        }
        guard !found.shape.contains(0) else {
            throw InferenceError(.modelUnsupported, "'\(string)' has an empty dimension")
        }
        info = TensorInfo(name: TensorInfo.servedName(string), elementType: found.element, shape: found.shape)
    }
}

extension ONNXRuntimeLibrary {
    /// Reads a tensor's type; open dimensions are -1.
    func elementAndShape(
        _ type: OpaquePointer,
        of name: String
    ) throws(InferenceError) -> (element: ElementType, shape: [Int]) {
        var (number, rank): (Int32, Int) = (0, 0)
        try check(ort_element_type(api, type, &number), .modelInvalid, "the type of '\(name)' cannot be read")
        guard let element = ElementType(onnx: number) else {
            throw InferenceError(.modelUnsupported, "'\(name)' has an element type that is not served")
        }
        try check(ort_rank(api, type, &rank), .modelInvalid, "the shape of '\(name)' cannot be read")
        var dimensions = [Int64](repeating: 0, count: rank)
        try check(
            ort_dimensions(api, type, &dimensions, rank),
            .modelInvalid,
            "the shape of '\(name)' cannot be read"
        )
        return (element, dimensions.map { max(Int($0), -1) })
    }
}

extension ElementType {
    /// By the number of ONNX's TensorProto.DataType; nil for one that is not served.
    init?(onnx number: Int32) {
        guard let found = Self.allCases.first(where: { $0.onnx == number }) else { return nil }
        self = found
    }

    /// The number of ONNX's TensorProto.DataType.
    var onnx: Int32 {
        let element =
            switch self {
            case .bool: ORT_BOOL
            case .int8: ORT_INT8
            case .int16: ORT_INT16
            case .int32: ORT_INT32
            case .int64: ORT_INT64
            case .uint8: ORT_UINT8
            case .uint16: ORT_UINT16
            case .uint32: ORT_UINT32
            case .uint64: ORT_UINT64
            case .float16: ORT_FLOAT16
            case .bfloat16: ORT_BFLOAT16
            case .float32: ORT_FLOAT
            case .float64: ORT_DOUBLE
            case .bytes: ORT_STRING
            }
        return Int32(element.rawValue)
    }
}
