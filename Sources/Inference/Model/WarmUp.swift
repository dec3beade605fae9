// SPDX-License-Identifier: Apache-2.0

import GatewayCore

extension EngineSession {
    /// Runs zeros through the model and checks what comes out; inner dimensions that are open are taken as 1.
    func warmUp(signature: ModelSignature, batch: Int) throws(InferenceError) {
        let shapes = signature.inputs.map { [batch] + $0.instanceShape.map { abs($0) } }
        let outputs = try run(shapes: shapes) { _, memory in memory.initializeMemory(as: UInt8.self, repeating: 0) }
        for (info, output) in zip(signature.outputs, outputs) where output.shape.first != batch {
            throw InferenceError(
                .modelUnsupported,
                "output '\(info.name)' has shape \(describe(shape: output.shape)) for a batch of \(batch); its first "
                    + "dimension must be the batch"
            )
        }
    }

    /// Warms the model up for one batch and measures it.
    ///
    /// - Returns: the median nanoseconds of up to 21 runs, within about 50 ms.
    func measure(signature: ModelSignature, batch: Int, time: TimeSource) throws(InferenceError) -> Int64 {
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
