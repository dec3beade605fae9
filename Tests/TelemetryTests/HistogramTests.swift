// SPDX-License-Identifier: Apache-2.0

import Telemetry
import TestSupport
import Testing

@Suite struct HistogramTests {
    private func histogram(_ buckets: [Double]) -> Histogram {
        MetricRegistry(shards: 2).histogram("demo_seconds", help: "Demo.", buckets: buckets).with()
    }

    @Test func `A duration on a bound belongs to that bound's bucket, whatever the bound`() {
        // Among them are bounds that a multiplication by 1e-9 misses.
        for bounds in [Histogram.durationBuckets, (1...100).map { Double($0) / 1e6 }] {
            for (index, bound) in bounds.enumerated() {
                let histogram = histogram(bounds)
                histogram.observe(nanoseconds: Int64((bound * 1e9).rounded()), shard: 0)
                #expect(histogram.snapshot().cumulative.firstIndex(of: 1) == index)
            }
        }
    }

    @Test func `Buckets are cumulative and the last one is the count`() {
        var generator = SeededGenerator(seed: 5)
        let histogram = histogram([0.1, 1, 10])
        let values = (0..<1000).map { _ in Double.random(in: 0...20, using: &generator) }
        for value in values { histogram.observe(value, shard: Int.random(in: 0...1, using: &generator)) }
        let snapshot = histogram.snapshot()
        for (bound, count) in zip(histogram.bounds + [.infinity], snapshot.cumulative) {
            #expect(count == UInt64(values.filter { $0 <= bound }.count))
        }
        #expect(snapshot.count == 1000)
        #expect(abs(snapshot.sum - values.reduce(0, +)) < 1e-6)
    }

    @Test func `A value that is not finite is counted above all bounds and spares the sum`() {
        let histogram = histogram([1])
        histogram.observe(0.5, shard: 0)
        histogram.observe(.nan, shard: 0)
        histogram.observe(.infinity, shard: 0)
        #expect(histogram.snapshot().cumulative == [1, 3])
        #expect(histogram.snapshot().sum == 0.5)
    }

    @Test func `Registration stops the program on buckets that do not ascend`() async {
        await #expect(processExitsWith: .failure) {
            _ = MetricRegistry(shards: 1).histogram("demo_seconds", help: "Demo.", buckets: [1, 1])
        }
        await #expect(processExitsWith: .failure) {
            _ = MetricRegistry(shards: 1).histogram("demo_seconds", help: "Demo.", buckets: [1, .infinity])
        }
    }
}
