// SPDX-License-Identifier: Apache-2.0

import Telemetry
import TestSupport
import Testing

@Suite struct ExpositionTests {
    /// One of each kind, with fixed values.
    private func sample() -> MetricRegistry {
        let registry = MetricRegistry(shards: 3)
        let requests = registry.counter("demo_requests_total", help: "Requests.", labels: ["tenant", "code"])
        requests.with(labels: ["acme", "200"]).increment(by: 3, shard: 0)
        requests.with(labels: ["acme", "200"]).increment(by: 4, shard: 2)
        requests.with(labels: ["beta", "429"]).increment(shard: 1)
        registry.gauge("demo_open_connections", help: "Open \"now\".").with().add(-2, shard: 1)
        let sizes = registry.histogram("demo_size", help: "Sizes.", labels: ["model"], buckets: [0.5, 1, 16])
        for value in [0.25, 0.5, 1, 3, 100] { sizes.with(labels: ["digits"]).observe(value, shard: 0) }
        registry.callbackGauge("demo_build_info", help: "Build.", labels: ["version"]) { [(["1.0"], 1)] }
        registry.callbackCounter("demo_bytes_total", help: "Bytes.") { [([], 4096)] }
        return registry
    }

    @Test func `Metrics are written in the Prometheus text format`() {
        let text = String(decoding: sample().exposition(), as: UTF8.self)
        #expect(
            text == """
                # HELP demo_build_info Build.
                # TYPE demo_build_info gauge
                demo_build_info{version="1.0"} 1.0
                # HELP demo_bytes_total Bytes.
                # TYPE demo_bytes_total counter
                demo_bytes_total 4096.0
                # HELP demo_open_connections Open "now".
                # TYPE demo_open_connections gauge
                demo_open_connections -2.0
                # HELP demo_requests_total Requests.
                # TYPE demo_requests_total counter
                demo_requests_total{tenant="acme",code="200"} 7
                demo_requests_total{tenant="beta",code="429"} 1
                # HELP demo_size Sizes.
                # TYPE demo_size histogram
                demo_size_bucket{model="digits",le="0.5"} 2
                demo_size_bucket{model="digits",le="1.0"} 3
                demo_size_bucket{model="digits",le="16.0"} 4
                demo_size_bucket{model="digits",le="+Inf"} 5
                demo_size_sum{model="digits"} 104.75
                demo_size_count{model="digits"} 5
                # HELP tollgate_metrics_overflow_total Look-ups that ended in the series 'other' because the family was full.
                # TYPE tollgate_metrics_overflow_total counter
                tollgate_metrics_overflow_total{family="demo_requests_total"} 0
                tollgate_metrics_overflow_total{family="demo_size"} 0
                tollgate_metrics_overflow_total{family="demo_build_info"} 0
                tollgate_metrics_overflow_total{family="demo_bytes_total"} 0

                """
        )
    }

    @Test func `OpenMetrics names counters without their suffix and marks the end`() {
        let text = String(decoding: sample().exposition(.openMetrics), as: UTF8.self)
        #expect(text.contains("# TYPE demo_requests counter\ndemo_requests_total{tenant=\"acme\",code=\"200\"} 7\n"))
        #expect(text.contains("# HELP demo_open_connections Open \\\"now\\\".\n"))
        #expect(text.hasSuffix("\n# EOF\n"))
        #expect(text.split(separator: "\n").filter { $0.hasPrefix("# EOF") }.count == 1)
    }

    @Test func `promtool finds no fault in the exposition`() throws {
        let registry = sample()
        registry.registerProcessMetrics()
        let check = try Promtool(["check", "metrics"], input: registry.exposition())
        #expect(check.status == 0 && check.output.isEmpty, "\(check.output)")
    }

    @Test func `promtool accepts whatever a label's value holds`() throws {
        var generator = SeededGenerator(seed: 11)
        let registry = MetricRegistry(shards: 1)
        let family = registry.counter("demo_hostile_total", help: "Back\\slash\nand line.", labels: ["a", "b"])
        for _ in 0..<500 {
            family.with(labels: [generator.hostileText(), generator.hostileText()]).increment(shard: 0)
        }
        let check = try Promtool(["check", "metrics"], input: registry.exposition())
        #expect(check.status == 0 && check.output.isEmpty, "\(check.output)")
    }

    @Test func `A label's value cannot forge a sample`() {
        let registry = MetricRegistry(shards: 1)
        let family = registry.counter("demo_total", help: "Demo.", labels: ["path"])
        family.with(labels: ["\"} 9\ndemo_total{path=\"\\"]).increment(shard: 0)
        let lines = String(decoding: registry.exposition(), as: UTF8.self).split(separator: "\n")
        #expect(lines[2] == #"demo_total{path="\"} 9\ndemo_total{path=\"\\"} 1"#)
    }

    @Test func `Values that are no numbers have Prometheus's spelling`() {
        let registry = MetricRegistry(shards: 1)
        registry.callbackGauge("demo", help: "Demo.", labels: ["n"]) {
            [(["a"], .nan), (["b"], .infinity), (["c"], -.infinity), (["d"], 1e21), (["e"], -0.000_001)]
        }
        let lines = String(decoding: registry.exposition(), as: UTF8.self).split(separator: "\n").dropFirst(2).prefix(5)
        #expect(
            Array(lines) == [
                #"demo{n="a"} NaN"#, #"demo{n="b"} +Inf"#, #"demo{n="c"} -Inf"#, #"demo{n="d"} 1e+21"#,
                #"demo{n="e"} -1e-06"#,
            ]
        )
    }

    @Test func `The content types are those that scrapers ask for`() {
        #expect(ExpositionFormat.prometheus.contentType.description == "text/plain; version=0.0.4; charset=utf-8")
        #expect(
            ExpositionFormat.openMetrics.contentType.description
                == "application/openmetrics-text; version=1.0.0; charset=utf-8"
        )
    }
}
