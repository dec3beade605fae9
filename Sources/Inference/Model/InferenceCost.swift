// SPDX-License-Identifier: Apache-2.0

/// What an inference takes, measured at warm-up on zeros.
public struct InferenceCost: Hashable, Sendable {
    /// Nanoseconds of one instance.
    public let one: Int64
    /// Nanoseconds of 32 instances together.
    public let thirtyTwo: Int64

    init(one: Int64, thirtyTwo: Int64) {
        self.one = one
        self.thirtyTwo = thirtyTwo
    }

    /// What instances add to a batch that others pay the beginning of.
    func nanoseconds(adding instances: Int) -> Int64 {
        let estimate = max(0, Double(thirtyTwo - one) / 31) * Double(instances)
        return min(max(1, estimate < 1e18 ? Int64(estimate) : .max), nanoseconds(instances: instances))
    }

    /// The expected nanoseconds of a batch, on the line through the two measured points.
    public func nanoseconds(instances: Int) -> Int64 {
        guard instances > 1 else { return one }
        let slope = max(0, Double(thirtyTwo - one) / 31)
        let estimate = Double(one) + slope * Double(instances - 1)
        return estimate < 1e18 ? Int64(estimate) : .max
    }
}
