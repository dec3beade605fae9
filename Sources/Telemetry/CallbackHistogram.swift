// SPDX-License-Identifier: Apache-2.0

extension MetricRegistry {
    /// A histogram that lives elsewhere and is read at each scrape.
    ///
    /// - Parameters:
    ///   - bounds: upper bounds in the family's unit, ascending; `+Inf` is added.
    ///   - read: the observations of each bucket, not cumulative and one more than `bounds` for what is beyond them, and
    ///     the sum of all observed values.
    public func callbackHistogram(
        _ name: StaticString,
        help: StaticString,
        bounds: [Double],
        read: @escaping @Sendable () -> (buckets: [UInt64], sum: Double)
    ) {
        add(
            CallbackHistogram(
                descriptor: MetricDescriptor(name, help: help, kind: .histogram, labels: []),
                bounds: bounds,
                read: read
            )
        )
    }
}

private struct CallbackHistogram: MetricCollector {
    let descriptor: MetricDescriptor
    let bounds: [Double]
    let read: @Sendable () -> (buckets: [UInt64], sum: Double)

    var descriptors: [MetricDescriptor] { [descriptor] }

    func collect(into writer: inout ExpositionWriter) {
        let (buckets, sum) = read()
        precondition(buckets.count == bounds.count + 1, "a histogram has one bucket more than bounds")
        var total: UInt64 = 0
        let cumulative = buckets.map { count in
            total += count
            return total
        }
        writer.head(descriptor)
        writer.histogram([], bounds: bounds, Histogram.Snapshot(cumulative: cumulative, sum: sum))
    }
}
