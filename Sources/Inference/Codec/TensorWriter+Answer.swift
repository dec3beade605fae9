// SPDX-License-Identifier: Apache-2.0

extension TensorWriter {
    /// Appends the body of TensorFlow Serving's answer: `{"predictions":…}` or `{"outputs":…}`, without spaces.
    ///
    /// - Parameter value: writes one row of one output.
    @inline(__always)
    static func answer(
        into bytes: inout [UInt8],
        _ form: PredictRequest.Form,
        count: Int,
        outputs: [TensorInfo],
        value: (inout TensorWriter, _ output: Int, _ row: Int) -> Void
    ) {
        var writer = TensorWriter(bytes: bytes)
        // The writer holds the only reference, or it would copy.
        bytes = []
        switch form {
        case .row: writer.rows(count, outputs, value)
        case .column: writer.columns(count, outputs, value)
        case .tensors: preconditionFailure("tensors are written by those who asked for them")
        }
        bytes = writer.bytes
    }

    /// The same of a model without a batch: the rows are those of the outputs' first dimension.
    static func whole(
        into bytes: inout [UInt8],
        _ form: PredictRequest.Form,
        _ outputs: [TensorInfo],
        _ tensors: [Tensor]
    ) {
        if form == .row {
            return answer(into: &bytes, .row, count: tensors[0].shape.first ?? 0, outputs: outputs) {
                $0.isBase64 = outputs[$1].name.hasSuffix("_bytes")
                $0.value(tensors[$1], instance: $2)
            }
        }
        var writer = TensorWriter(bytes: bytes)
        bytes = []
        writer.literal(outputs.count > 1 ? "{\"outputs\":{" : "{\"outputs\":")
        for index in outputs.indices {
            if outputs.count > 1 { writer.name(outputs[index].name, isFirst: index == 0) }
            writer.isBase64 = outputs[index].name.hasSuffix("_bytes")
            writer.whole(tensors[index])
        }
        writer.literal(outputs.count > 1 ? "}}" : "}")
        bytes = writer.bytes
    }

    private mutating func rows(
        _ count: Int,
        _ outputs: [TensorInfo],
        _ value: (inout TensorWriter, _ output: Int, _ row: Int) -> Void
    ) {
        literal("{\"predictions\":[")
        for row in 0..<count {
            if row > 0 { literal(",") }
            if outputs.count == 1 {
                value(&self, 0, row)
                continue
            }
            literal("{")
            for index in outputs.indices {
                name(outputs[index].name, isFirst: index == 0)
                value(&self, index, row)
            }
            literal("}")
        }
        literal("]}")
    }

    private mutating func columns(
        _ count: Int,
        _ outputs: [TensorInfo],
        _ value: (inout TensorWriter, _ output: Int, _ row: Int) -> Void
    ) {
        literal("{\"outputs\":")
        if outputs.count > 1 { literal("{") }
        for index in outputs.indices {
            if outputs.count > 1 { name(outputs[index].name, isFirst: index == 0) }
            literal("[")
            for row in 0..<count {
                if row > 0 { literal(",") }
                value(&self, index, row)
            }
            literal("]")
        }
        literal(outputs.count > 1 ? "}}" : "}")
    }
}

extension ElementType {
    /// Whether no element in the memory is NaN or infinite.
    func areFinite(_ memory: UnsafeRawBufferPointer) -> Bool {
        switch self {
        case .float16: memory.withMemoryRebound(to: Float16.self) { $0.allSatisfy(\.isFinite) }
        case .bfloat16: memory.withMemoryRebound(to: BFloat16.self) { $0.allSatisfy(\.float.isFinite) }
        case .float32: memory.withMemoryRebound(to: Float.self) { $0.allSatisfy(\.isFinite) }
        case .float64: memory.withMemoryRebound(to: Double.self) { $0.allSatisfy(\.isFinite) }
        case .bool, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .bytes: true
        }
    }
}

extension InferenceError {
    /// An output that JSON cannot say.
    init(notFinite output: TensorInfo) {
        self.init(
            .outputNotFinite,
            "the model's output '\(output.name)' is not a finite number for this input, and JSON has no form for it"
        )
    }
}
