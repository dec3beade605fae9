// SPDX-License-Identifier: Apache-2.0

/// A family whose samples are asked for at each scrape.
struct CallbackCollector: MetricCollector {
    let descriptor: MetricDescriptor
    let ceiling: Int
    let overflow: Counter
    let read: @Sendable () -> [(labels: [String], value: Double)]

    var descriptors: [MetricDescriptor] { [descriptor] }

    func collect(into writer: inout ExpositionWriter) {
        writer.head(descriptor)
        var seen: Set<[String]> = []
        for row in read() {
            // One bad row would make the scraper refuse the whole exposition.
            guard row.labels.count == descriptor.labels.count, seen.count < ceiling, seen.insert(row.labels).inserted
            else {
                overflow.increment(shard: 0)
                continue
            }
            writer.sample(ExpositionWriter.labels(names: descriptor.labels, values: row.labels), row.value)
        }
    }
}
