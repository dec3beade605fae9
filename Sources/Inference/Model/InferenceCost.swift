// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// What an inference takes, measured at warm-up on zeros.
public struct InferenceCost: Hashable, Sendable {
    /// Nanoseconds of a batch of one; of the model's own batch when that is fixed.
    public let one: Int64
    /// Nanoseconds of a batch of 32; of 32 batches when the model takes one instance at a time.
    public let thirtyTwo: Int64

    init(one: Int64, thirtyTwo: Int64) {
        self.one = one
        self.thirtyTwo = thirtyTwo
    }

    /// The expected nanoseconds of a batch, on the line through the two measured points.
    public func nanoseconds(instances: Int) -> Int64 {
        guard instances > 1 else { return one }
        let slope = max(0, Double(thirtyTwo - one) / 31)
        let estimate = Double(one) + slope * Double(instances - 1)
        return estimate < 1e18 ? Int64(estimate) : .max
    }

    /// Warms the session up and measures it: the median of up to 21 runs, within about 100 ms for each batch size.
    init(
        measuring session: some EngineSession,
        signature: ModelSignature,
        fixedBatch: Int?,
        time: TimeSource
    ) throws(InferenceError) {
        func median(batch: Int) throws(InferenceError) -> Int64 {
            // The first run of a shape prepares memory and kernels.
            try session.warmUp(signature: signature, batch: batch)
            var runs: [Int64] = []
            let start = time.monotonic()
            var before = start
            repeat {
                try session.warmUp(signature: signature, batch: batch)
                let now = time.monotonic()
                runs.append(now - before)
                before = now
            } while runs.count < 21 && before - start < 100_000_000
            return runs.sorted()[runs.count / 2]
        }
        one = try median(batch: fixedBatch ?? 1)
        if let fixedBatch {
            thirtyTwo = one * Int64((32 + fixedBatch - 1) / fixedBatch)
        } else {
            thirtyTwo = try median(batch: 32)
        }
    }
}
