// SPDX-License-Identifier: Apache-2.0

import COpenVINO

extension ModelSignature {
    /// Reads names, types and shapes of a model, and refuses what cannot be served.
    init(reading model: OpaquePointer) throws(InferenceError) {
        var inputs = 0
        var outputs = 0
        try check(ov_model_inputs_size(model, &inputs), .modelInvalid, "the model's inputs cannot be read")
        try check(ov_model_outputs_size(model, &outputs), .modelInvalid, "the model's outputs cannot be read")
        try Self.checkCounts(inputs: inputs, outputs: outputs)
        var found: (inputs: [TensorInfo], outputs: [TensorInfo]) = ([], [])
        for index in 0..<inputs {
            var port: OpaquePointer?
            try check(
                ov_model_const_input_by_index(model, index, &port),
                .modelInvalid,
                "input \(index) cannot be read"
            )
            found.inputs.append(try TensorInfo(reading: port, fallback: "input_\(index)"))
        }
        for index in 0..<outputs {
            var port: OpaquePointer?
            try check(
                ov_model_const_output_by_index(model, index, &port),
                .modelInvalid,
                "output \(index) cannot be read"
            )
            found.outputs.append(try TensorInfo(reading: port, fallback: "output_\(index)"))
        }
        try self.init(served: found.inputs, found.outputs)
    }
}

extension TensorInfo {
    /// Takes the port: it is freed here.
    fileprivate init(reading port: OpaquePointer?, fallback: String) throws(InferenceError) {
        guard let port else { throw InferenceError(.modelInvalid, "'\(fallback)' cannot be read") }
        defer { ov_output_const_port_free(port) }

        var name = fallback
        var cName: UnsafeMutablePointer<CChar>?
        // A port without a name is no fault: it keeps the name of its position.
        if ov_port_get_any_name(port, &cName) == OK, let cName {
            name = Self.servedName(String(cString: cName))
            ov_free(cName)
        }

        var type = DYNAMIC
        try check(ov_port_get_element_type(port, &type), .modelInvalid, "the type of '\(name)' cannot be read")
        guard let elementType = ElementType(type) else {
            throw InferenceError(.modelUnsupported, "'\(name)' has an element type that is not served")
        }

        var partial = ov_partial_shape_t()
        try check(ov_port_get_partial_shape(port, &partial), .modelInvalid, "the shape of '\(name)' cannot be read")
        defer { ov_partial_shape_free(&partial) }
        guard partial.rank.min == partial.rank.max else {
            throw InferenceError(.modelUnsupported, "'\(name)' has no fixed number of dimensions")
        }
        guard (0...8).contains(partial.rank.min) else {
            throw InferenceError(
                .modelUnsupported,
                "'\(name)' has \(partial.rank.min) dimensions; at most 8 are served"
            )
        }
        let shape = UnsafeBufferPointer(start: partial.dims, count: partial.dims == nil ? 0 : Int(partial.rank.min)).map
        {
            $0.min == $0.max ? Int($0.min) : -1
        }
        guard !shape.contains(0) else {
            throw InferenceError(.modelUnsupported, "'\(name)' has an empty dimension")
        }
        self.init(name: name, elementType: elementType, shape: shape)
    }

    /// The name callers use: TensorFlow's exporters wrap a signature's `x` as `serving_default_x:0`.
    static func servedName(_ name: String) -> String {
        var name = name[...]
        if name.hasPrefix("serving_default_") { name = name.dropFirst("serving_default_".count) }
        if name.hasSuffix(":0") { name = name.dropLast(2) }
        return String(name)
    }
}

extension ElementType {
    init?(_ type: ov_element_type_e) {
        switch type {
        case OV_ELEMENT_BOOLEAN: self = .bool
        case I8: self = .int8
        case I16: self = .int16
        case I32: self = .int32
        case I64: self = .int64
        case U8: self = .uint8
        case U16: self = .uint16
        case U32: self = .uint32
        case U64: self = .uint64
        case F16: self = .float16
        case BF16: self = .bfloat16
        case F32: self = .float32
        case F64: self = .float64
        case STRING: self = .bytes
        default: return nil
        }
    }

    var openVINO: ov_element_type_e {
        switch self {
        case .bool: OV_ELEMENT_BOOLEAN
        case .int8: I8
        case .int16: I16
        case .int32: I32
        case .int64: I64
        case .uint8: U8
        case .uint16: U16
        case .uint32: U32
        case .uint64: U64
        case .float16: F16
        case .bfloat16: BF16
        case .float32: F32
        case .float64: F64
        case .bytes: STRING
        }
    }
}
