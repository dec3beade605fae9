// SPDX-License-Identifier: Apache-2.0

/// What one event loop saw of a tenant's predictions by a version since it was last collected.
///
/// Of many instances it keeps a sample: ``capacity`` of them, each with the same chance (J. S. Vitter's algorithm R, ACM
/// Transactions on Mathematical Software 11, 1985).
struct SeriesSketch {
    static let capacity = 256

    private(set) var instances = 0
    private var requests = 0
    private var failures = 0
    private var samples: [PredictionSample] = []
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    var isEmpty: Bool { requests == 0 && failures == 0 }

    mutating func countRequest() { requests += 1 }
    mutating func countFailure() { failures += 1 }

    /// Where a sample of the next instance belongs; nil when it is not needed.
    mutating func place() -> Int? {
        instances += 1
        if samples.count < Self.capacity { return samples.count }
        // Multiply-shift: a random number below the count of all, without a division.
        let place = Int(random().multipliedFullWidth(by: UInt64(instances)).high)
        return place < Self.capacity ? place : nil
    }

    mutating func put(_ sample: PredictionSample, at place: Int) {
        if place == samples.count { samples.append(sample) } else { samples[place] = sample }
    }

    /// What there is, and an empty sketch again.
    mutating func take() -> SketchDelta {
        let delta = SketchDelta(
            instances: instances,
            requests: requests,
            failures: failures,
            // A copy: the memory stays here.
            samples: samples.map(\.self)
        )
        instances = 0
        requests = 0
        failures = 0
        samples.removeAll(keepingCapacity: true)
        return delta
    }

    /// Gives back the memory of a sketch that is empty.
    mutating func release() {
        if samples.capacity > 0 { samples = [] }
    }

    /// SplitMix64.
    private mutating func random() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// What came of a series since it was last collected.
public struct SketchDelta: Sendable {
    /// Instances answered.
    public var instances: Int
    /// Requests answered.
    public var requests: Int
    /// Requests whose inference failed.
    public var failures: Int
    /// Of the instances, or of some of them.
    public var samples: [PredictionSample]

    /// What came.
    public init(instances: Int, requests: Int, failures: Int, samples: [PredictionSample]) {
        self.instances = instances
        self.requests = requests
        self.failures = failures
        self.samples = samples
    }
}
