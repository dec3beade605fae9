// SPDX-License-Identifier: Apache-2.0

import GatewayCore

extension EngineSession {
    /// Runs zeros through the model.
    ///
    /// - Parameters:
    ///   - batch: the first dimension of every input; nil for a model without a batch.
    ///   - openSize: what the other open dimensions are taken as.
    func warmUp(signature: ModelSignature, batch: Int?, openSize: Int) throws(InferenceError) {
        let outputs = try runZeros(signature: signature, batch: batch, openSize: openSize)
        for (info, output) in zip(signature.outputs, outputs) {
            guard let batch, output.shape.first != batch else { continue }
            throw InferenceError(
                .modelUnsupported,
                "output '\(info.name)' has shape \(describe(shape: output.shape)) for a batch of \(batch); its first "
                    + "dimension must be the batch"
            )
        }
    }

    /// A size that the model's open dimensions can have, all of them alike: a picture, a piece of sound or a text may be
    /// too short at 1.
    ///
    /// - Returns: nil when it runs with none that is tried, which is no fault of a model whose dimensions are open.
    /// - Throws: when it has no open dimensions but the batch, and does not run.
    func openSize(signature: ModelSignature) throws(InferenceError) -> Int? {
        let batch = signature.isBatched ? signature.fixedBatch ?? 1 : nil
        let isOpen = signature.inputs.contains { $0.shape.dropFirst(batch == nil ? 0 : 1).contains(-1) }
        for size in isOpen ? [1, 32, 512, 1280, 4096] : [] {
            if (try? runZeros(signature: signature, batch: batch, openSize: size)) != nil { return size }
        }
        if isOpen { return nil }
        _ = try runZeros(signature: signature, batch: batch, openSize: 1)
        return 1
    }

    private func runZeros(signature: ModelSignature, batch: Int?, openSize: Int) throws(InferenceError) -> [Tensor] {
        let shapes = signature.inputs.map { input in
            (batch.map { [$0] } ?? []) + input.shape.dropFirst(batch == nil ? 0 : 1).map { $0 < 0 ? openSize : $0 }
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
    func followsBatch(signature: ModelSignature, openSize: Int) throws(InferenceError) -> Bool {
        guard signature.isBatched else { return false }
        let first = signature.fixedBatch ?? 1
        let outputs = try runZeros(signature: signature, batch: first, openSize: openSize)
        guard outputs.allSatisfy({ $0.shape.first == first }) else { return false }
        if signature.fixedBatch != nil { return true }
        // Some models are declared open and work for one size alone.
        guard let outputs = try? runZeros(signature: signature, batch: 3, openSize: openSize) else { return false }
        return outputs.allSatisfy { $0.shape.first == 3 }
    }

    /// Warms the model up for one batch and measures it.
    ///
    /// - Returns: the median nanoseconds of up to 21 runs, within about 50 ms.
    func measure(
        signature: ModelSignature,
        batch: Int?,
        openSize: Int,
        time: TimeSource
    ) throws(InferenceError) -> Int64 {
        // The first run of a shape prepares memory and kernels.
        try warmUp(signature: signature, batch: batch, openSize: openSize)
        var runs: [Int64] = []
        let start = time.monotonic()
        var before = start
        repeat {
            try warmUp(signature: signature, batch: batch, openSize: openSize)
            let now = time.monotonic()
            runs.append(now - before)
            before = now
        } while runs.count < 21 && before - start < 50_000_000
        return runs.sorted()[runs.count / 2]
    }
}
