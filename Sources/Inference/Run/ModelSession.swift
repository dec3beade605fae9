// SPDX-License-Identifier: Apache-2.0

/// A model made ready for one thread: a compiled session for each size of its plan, or one for any batch.
final class ModelSession {
    private let signature: ModelSignature
    private let plan: BatchPlan
    /// By the plan's sizes; one, for any batch, when the plan has none.
    private let sessions: [ServingSession]

    /// The most instances of one inference when the plan sets none.
    private static let openLimit = 128

    init(signature: ModelSignature, plan: BatchPlan, sessions: [ServingSession]) {
        self.signature = signature
        self.plan = plan
        self.sessions = sessions
    }

    /// Runs a request of a model without a batch.
    ///
    /// - Throws: `shape_mismatch` for rows asked of outputs that have none, or not as many.
    func run(whole request: PredictRequest) throws(InferenceError) -> [Tensor] {
        let outputs = try sessions[0].run(whole: request.inputs)
        guard request.form == .row else { return outputs }
        // TensorFlow Serving's words.
        for (info, output) in zip(signature.outputs, outputs) {
            guard let rows = output.shape.first else {
                throw InferenceError(
                    .inputInvalid,
                    "Tensor name: \(info.name) has no shape information; ask with 'inputs' in place of 'instances'"
                )
            }
            guard rows == outputs[0].shape[0] else {
                throw InferenceError(
                    .inputInvalid,
                    "Tensor name: \(info.name) has inconsistent batch size: \(rows) expecting: \(outputs[0].shape[0]); "
                        + "ask with 'inputs' in place of 'instances'"
                )
            }
        }
        return outputs
    }

    /// How instances lie behind one another; nil for a model with several inputs or outputs or with open shapes.
    var rowLayout: RowLayout? {
        guard signature.isBatched, signature.inputs.count == 1, signature.outputs.count == 1, !plan.sizes.isEmpty,
            !signature.inputs[0].instanceShape.contains(-1)
        else { return nil }
        var layout: RowLayout?
        for (size, session) in zip(plan.sizes, sessions) {
            guard let bound = session.bound, bound.inputShapes[0].first == size, bound.outputShapes[0].first == size
            else { return nil }
            let found = RowLayout(
                inputBytes: bound.inputs[0].count / size,
                outputBytes: bound.outputs[0].count / size,
                outputShape: [-1] + bound.outputShapes[0].dropFirst()
            )
            guard layout == nil || layout == found else { return nil }
            layout = found
        }
        return layout
    }

    /// Runs instances that lie behind one another, as ``rowLayout`` says.
    ///
    /// - Parameter results: has room for the rows of the output.
    func run(
        rows: UnsafeRawBufferPointer,
        count: Int,
        _ layout: RowLayout,
        into results: UnsafeMutableRawBufferPointer
    ) throws(InferenceError) {
        var from = 0
        while from < count {
            let size = plan.size(for: count - from, limit: Self.openLimit)
            let part = min(size, count - from)
            let session = sessions[plan.sizes.firstIndex(of: size) ?? 0]
            guard let bound = session.bound else { preconditionFailure("a session with a row layout is bound") }
            let input = bound.inputs[0]
            let bytes = part * layout.inputBytes
            input.copyMemory(
                from: UnsafeRawBufferPointer(
                    rebasing: rows[from * layout.inputBytes..<from * layout.inputBytes + bytes]
                )
            )
            // Whatever ran before must leave no trace in the rows that fill the batch up.
            UnsafeMutableRawBufferPointer(rebasing: input[bytes...]).initializeMemory(as: UInt8.self, repeating: 0)
            try session.infer()
            UnsafeMutableRawBufferPointer(rebasing: results[(from * layout.outputBytes)...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bound.outputs[0][..<(part * layout.outputBytes)]))
            from += part
        }
    }

    /// Runs requests of equal instance shapes.
    ///
    /// - Parameter count: the instances of all the requests.
    /// - Returns: the outputs in the signature's order, the instances one behind the other; more may follow them.
    func run(_ requests: ArraySlice<PredictRequest>, count: Int) throws(InferenceError) -> [Tensor] {
        let size = plan.size(for: count, limit: Self.openLimit)
        if count <= size { return try run(requests, from: 0, count: count, batch: size) }
        var joined = signature.outputs.map { _ in [UInt8]() }
        var shapes: [[Int]] = []
        var from = 0
        while from < count {
            let batch = plan.size(for: count - from, limit: Self.openLimit)
            let part = min(batch, count - from)
            let outputs = try run(requests, from: from, count: part, batch: batch)
            if shapes.isEmpty { shapes = outputs.map { Array($0.shape.dropFirst()) } }
            for (index, output) in outputs.enumerated() {
                guard output.shape.dropFirst() == shapes[index][...] else {
                    throw InferenceError(
                        .engineFailed,
                        "output '\(signature.outputs[index].name)' changes its shape from batch to batch; send fewer "
                            + "instances"
                    )
                }
                joined[index] += output.bytes.prefix(part * output.instanceCount * output.elementType.size)
            }
            from += part
        }
        return signature.outputs.indices.map { index in
            Tensor(
                elementType: signature.outputs[index].elementType,
                shape: [count] + shapes[index],
                bytes: joined[index]
            )
        }
    }

    /// One inference of `batch` instances: `count` of the requests', beginning with instance `from` of all, and zeros.
    private func run(
        _ requests: ArraySlice<PredictRequest>,
        from: Int,
        count: Int,
        batch: Int
    ) throws(InferenceError) -> [Tensor] {
        let session = sessions[plan.sizes.firstIndex(of: batch) ?? 0]
        let shapes = requests[requests.startIndex].inputs.map { [batch] + $0.shape.dropFirst() }
        let outputs = try session.run(shapes: shapes) { input, memory in
            let size = memory.count / batch
            var skip = from * size
            var written = 0
            for request in requests {
                request.inputs[input].bytes.withUnsafeBytes { bytes in
                    let begin = min(skip, bytes.count)
                    let length = min(bytes.count - begin, count * size - written)
                    skip -= begin
                    if length == 0 { return }
                    UnsafeMutableRawBufferPointer(rebasing: memory[written..<written + length])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[begin..<begin + length]))
                    written += length
                }
            }
            UnsafeMutableRawBufferPointer(rebasing: memory[written...]).initializeMemory(as: UInt8.self, repeating: 0)
        }
        for (info, output) in zip(signature.outputs, outputs) where output.shape.first != batch {
            throw InferenceError(
                .engineFailed,
                "output '\(info.name)' has shape \(describe(shape: output.shape)) for a batch of \(batch)"
            )
        }
        return outputs
    }
}
