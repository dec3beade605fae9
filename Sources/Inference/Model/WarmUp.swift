// SPDX-License-Identifier: Apache-2.0

import GatewayCore

extension EngineSession {
    /// Runs zeros through the model; dimensions that are open are taken as 1.
    ///
    /// - Parameter batch: the first dimension of every input; nil for a model without a batch.
    func warmUp(signature: ModelSignature, batch: Int?) throws(InferenceError) {
        let outputs = try runZeros(signature: signature, batch: batch)
        for (info, output) in zip(signature.outputs, outputs) {
            guard let batch, output.shape.first != batch else { continue }
            throw InferenceError(
                .modelUnsupported,
                "output '\(info.name)' has shape \(describe(shape: output.shape)) for a batch of \(batch); its first "
                    + "dimension must be the batch"
            )
        }
    }

    private func runZeros(signature: ModelSignature, batch: Int?) throws(InferenceError) -> [Tensor] {
        let shapes = signature.inputs.map { input in
            (batch.map { [$0] } ?? []) + input.shape.dropFirst(batch == nil ? 0 : 1).map { abs($0) }
        }
        if batch == nil {
            let tensors = zip(signature.inputs, shapes).map { info, shape in
                info.elementType == .bytes
                    ? Tensor.empty(shape)
                    : Tensor(
                        elementType: info.elementType,
                        shape: shape,
                        bytes: [UInt8](repeating: 0, count: shape.reduce(info.elementType.size, *))
                    )
            }
            return try run(whole: tensors)
        }
        return try run(shapes: shapes) { _, memory in memory.initializeMemory(as: UInt8.self, repeating: 0) }
    }

    /// Whether the first dimension of the outputs is that of the inputs.
    ///
    /// - Throws: when the model runs in no way.
    func followsBatch(signature: ModelSignature) throws(InferenceError) -> Bool {
        guard signature.isBatched else { return false }
        let first = signature.fixedBatch ?? 1
        guard try runZeros(signature: signature, batch: first).allSatisfy({ $0.shape.first == first }) else {
            return false
        }
        if signature.fixedBatch != nil { return true }
        // Some models are declared open and work for one size alone.
        guard let outputs = try? runZeros(signature: signature, batch: 3) else { return false }
        return outputs.allSatisfy { $0.shape.first == 3 }
    }

    /// Warms the model up for one batch and measures it.
    ///
    /// - Returns: the median nanoseconds of up to 21 runs, within about 50 ms.
    func measure(signature: ModelSignature, batch: Int?, time: TimeSource) throws(InferenceError) -> Int64 {
        // The first run of a shape prepares memory and kernels.
        try warmUp(signature: signature, batch: batch)
        var runs: [Int64] = []
        let start = time.monotonic()
        var before = start
        repeat {
            try warmUp(signature: signature, batch: batch)
            let now = time.monotonic()
            runs.append(now - before)
            before = now
        } while runs.count < 21 && before - start < 50_000_000
        return runs.sorted()[runs.count / 2]
    }
}
