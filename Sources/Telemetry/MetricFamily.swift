// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The counters that share a name and differ in their labels' values.
public typealias CounterFamily = MetricFamily<Counter>
/// The gauges that share a name and differ in their labels' values.
public typealias GaugeFamily = MetricFamily<Gauge>
/// The histograms that share a name, buckets and label names and differ in their labels' values.
public typealias HistogramFamily = MetricFamily<Histogram>

/// The series of one metric, at most as many as the registry allows.
///
/// Label values often come from outside. At the ceiling every further set of values shares one series whose values are
/// all `other`, and `tollgate_metrics_overflow_total{family}` counts each look-up that ended there: whatever is asked,
/// memory and scrape stay bounded.
public final class MetricFamily<Series: AnyObject & Sendable>: Sendable {
    let descriptor: MetricDescriptor
    private let ceiling: Int
    private let overflow: Counter?
    private let make: @Sendable () -> Series
    private let render: @Sendable (Series, [UInt8], inout ExpositionWriter) -> Void
    private let state = Mutex(State())

    /// A series and its labels in the form of the exposition, made once.
    struct Entry: Sendable {
        let labels: [String]
        let text: [UInt8]
        let series: Series
    }

    private struct State {
        var entries: [Entry] = []
        var indices: [[String]: Int] = [:]
    }

    init(
        _ descriptor: MetricDescriptor,
        ceiling: Int,
        overflow: Counter?,
        make: @escaping @Sendable () -> Series,
        render: @escaping @Sendable (Series, [UInt8], inout ExpositionWriter) -> Void
    ) {
        self.descriptor = descriptor
        self.ceiling = ceiling
        self.overflow = overflow
        self.make = make
        self.render = render
    }

    /// The series of these label values, made at the first look-up. Takes a lock: keep what it returns.
    ///
    /// - Parameter labels: One value for each label name of the family, in the same order.
    public func with(labels: [String] = []) -> Series {
        precondition(
            labels.count == descriptor.labels.count,
            "\(descriptor.name) takes \(descriptor.labels.count) label values, not \(labels.count)"
        )
        let (series, overflowed) = state.withLock { state in
            if let index = state.indices[labels] { return (state.entries[index].series, false) }
            if state.entries.count < ceiling { return (insert(labels, into: &state), false) }
            let other = [String](repeating: "other", count: labels.count)
            if let index = state.indices[other] { return (state.entries[index].series, true) }
            return (insert(other, into: &state), true)
        }
        if overflowed { overflow?.increment(shard: 0) }
        return series
    }

    /// Ends the series of these label values. Handles that are still held count on unseen.
    public func remove(labels: [String]) {
        removeAll { $0 == labels }
    }

    /// Ends all series with this value of one label, such as those of a tenant that was deleted.
    public func remove(label: StaticString, value: String) {
        guard let position = descriptor.labels.firstIndex(of: label.description) else {
            preconditionFailure("\(descriptor.name) has no label \(label)")
        }
        removeAll { $0[position] == value }
    }

    /// How many series there are, that of the overflow included.
    public var count: Int { state.withLock { $0.entries.count } }

    private func insert(_ labels: [String], into state: inout State) -> Series {
        let series = make()
        state.indices[labels] = state.entries.count
        let text = ExpositionWriter.labels(names: descriptor.labels, values: labels)
        state.entries.append(Entry(labels: labels, text: text, series: series))
        return series
    }

    private func removeAll(where matches: ([String]) -> Bool) {
        state.withLock { state in
            state.entries.removeAll { matches($0.labels) }
            state.indices.removeAll(keepingCapacity: true)
            for (index, entry) in state.entries.enumerated() { state.indices[entry.labels] = index }
        }
    }
}

extension MetricFamily: MetricCollector {
    var descriptors: [MetricDescriptor] { [descriptor] }

    func collect(into writer: inout ExpositionWriter) {
        let entries = state.withLock { $0.entries }
        writer.head(descriptor)
        for entry in entries { render(entry.series, entry.text, &writer) }
    }
}
