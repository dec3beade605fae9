// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// All metrics of the process and their text for a scrape.
///
/// Register once, at start; look series up once; keep the handles. Registration stops the program on a name that is
/// taken, not allowed or against the conventions.
public final class MetricRegistry: Sendable {
    private let shards: Int
    private let ceiling: Int
    private let overflow: CounterFamily
    private let state = Mutex(State())

    private struct State {
        var collectors: [any MetricCollector] = []
        var names: Set<String> = []
        /// The last exposition's size, to reserve for the next.
        var size = 4096
    }

    /// - Parameters:
    ///   - shards: Event loops, and one for all other threads.
    ///   - maxSeriesPerFamily: Series of one metric before further ones share the series `other`.
    public init(shards: Int, maxSeriesPerFamily: Int = 1000) {
        precondition(shards > 0 && maxSeriesPerFamily > 0, "a registry needs a shard and room for a series")
        self.shards = shards
        ceiling = maxSeriesPerFamily
        let descriptor = MetricDescriptor(
            "tollgate_metrics_overflow_total",
            help: "Look-ups that ended in the series 'other' because the family was full.",
            kind: .counter,
            labels: ["family"]
        )
        // One series for each family with labels: bounded by the program, not by the ceiling.
        overflow = CounterFamily(
            descriptor,
            ceiling: .max,
            overflow: nil,
            make: { Counter(shards: 1) },
            render: { $2.sample($1, $0.value) }
        )
        add(overflow)
    }

    // MARK: - Registration

    /// - Parameter name: Must end in `_total`.
    public func counter(_ name: StaticString, help: StaticString, labels: [StaticString] = []) -> CounterFamily {
        family(
            MetricDescriptor(name, help: help, kind: .counter, labels: labels),
            make: { [shards] in Counter(shards: shards) },
            render: { $2.sample($1, $0.value) }
        )
    }

    /// - Parameter name: Must not end in `_total`.
    public func gauge(_ name: StaticString, help: StaticString, labels: [StaticString] = []) -> GaugeFamily {
        family(
            MetricDescriptor(name, help: help, kind: .gauge, labels: labels),
            make: { [shards] in Gauge(shards: shards) },
            render: { $2.sample($1, $0.value) }
        )
    }

    /// - Parameter buckets: Upper bounds, inclusive, finite and ascending; `+Inf` is added.
    public func histogram(
        _ name: StaticString,
        help: StaticString,
        labels: [StaticString] = [],
        buckets: [Double] = Histogram.durationBuckets
    ) -> HistogramFamily {
        precondition(
            !buckets.isEmpty && buckets.allSatisfy(\.isFinite) && zip(buckets, buckets.dropFirst()).allSatisfy(<),
            "the buckets of \(name) must be finite and ascending"
        )
        return family(
            MetricDescriptor(name, help: help, kind: .histogram, labels: labels),
            make: { [shards] in Histogram(bounds: buckets, shards: shards) },
            render: { $2.histogram($1, bounds: $0.bounds, $0.snapshot()) }
        )
    }

    /// A gauge whose samples are read at each scrape.
    ///
    /// - Parameter read: Called on the scraping thread, without a lock held; rows past the ceiling, rows with the wrong
    ///   number of label values and rows that repeat one are left out and counted as overflow.
    public func callbackGauge(
        _ name: StaticString,
        help: StaticString,
        labels: [StaticString] = [],
        read: @escaping @Sendable () -> [(labels: [String], value: Double)]
    ) {
        callback(MetricDescriptor(name, help: help, kind: .gauge, labels: labels), read)
    }

    /// A counter that lives elsewhere and is read at each scrape, under the rules of ``callbackGauge(_:help:labels:read:)``.
    public func callbackCounter(
        _ name: StaticString,
        help: StaticString,
        labels: [StaticString] = [],
        read: @escaping @Sendable () -> [(labels: [String], value: Double)]
    ) {
        callback(MetricDescriptor(name, help: help, kind: .counter, labels: labels), read)
    }

    // MARK: - Scrape

    /// The text of all metrics, families by name, series in the order of their first look-up.
    public func exposition(_ format: ExpositionFormat = .prometheus) -> [UInt8] {
        let (collectors, size) = state.withLock { ($0.collectors, $0.size) }
        var writer = ExpositionWriter(format, capacity: size + size / 8)
        for collector in collectors { collector.collect(into: &writer) }
        writer.end()
        let bytes = writer.bytes
        state.withLock { $0.size = bytes.count }
        return bytes
    }

    // MARK: - Parts

    func add(_ collector: some MetricCollector) {
        state.withLock { state in
            for descriptor in collector.descriptors {
                precondition(
                    state.names.insert(descriptor.name).inserted,
                    "metric \(descriptor.name) is registered already"
                )
            }
            state.collectors.append(collector)
            state.collectors.sort { $0.descriptors[0].name < $1.descriptors[0].name }
        }
    }

    private func family<Series>(
        _ descriptor: MetricDescriptor,
        make: @escaping @Sendable () -> Series,
        render: @escaping @Sendable (Series, [UInt8], inout ExpositionWriter) -> Void
    ) -> MetricFamily<Series> {
        let overflow = descriptor.labels.isEmpty ? nil : self.overflow.with(labels: [descriptor.name])
        let family = MetricFamily(descriptor, ceiling: ceiling, overflow: overflow, make: make, render: render)
        add(family)
        return family
    }

    private func callback(
        _ descriptor: MetricDescriptor,
        _ read: @escaping @Sendable () -> [(labels: [String], value: Double)]
    ) {
        let overflow = self.overflow.with(labels: [descriptor.name])
        add(CallbackCollector(descriptor: descriptor, ceiling: ceiling, overflow: overflow, read: read))
    }
}
