// SPDX-License-Identifier: Apache-2.0

import Telemetry
import Testing

@Suite struct MetricFamilyTests {
    private func lines(_ registry: MetricRegistry, _ prefix: String) -> [String] {
        String(decoding: registry.exposition(), as: UTF8.self).split(separator: "\n").map(String.init)
            .filter { $0.hasPrefix(prefix) }
    }

    @Test func `The same labels give the same series`() {
        let family = MetricRegistry(shards: 1).counter("demo_total", help: "Demo.", labels: ["a", "b"])
        #expect(family.with(labels: ["x", "y"]) === family.with(labels: ["x", "y"]))
        #expect(family.with(labels: ["x", "y"]) !== family.with(labels: ["y", "x"]))
        #expect(family.count == 2)
    }

    @Test func `At the ceiling further labels share one series, and each look-up is counted`() {
        let registry = MetricRegistry(shards: 2, maxSeriesPerFamily: 10)
        let family = registry.counter("demo_total", help: "Demo.", labels: ["tenant", "code"])
        for i in 0..<10 { family.with(labels: ["t\(i)", "200"]).increment(shard: 0) }
        for i in 10..<1000 { family.with(labels: ["t\(i)", "200"]).increment(shard: 1) }
        #expect(family.with(labels: ["t3", "200"]).value == 1)
        #expect(family.count == 11)
        #expect(lines(registry, "demo_total{").last == #"demo_total{tenant="other",code="other"} 990"#)
        #expect(
            lines(registry, "tollgate_metrics_overflow_total{")
                == [#"tollgate_metrics_overflow_total{family="demo_total"} 990"#]
        )
    }

    @Test func `A value that is called other shares the series of the overflow`() throws {
        let registry = MetricRegistry(shards: 1, maxSeriesPerFamily: 1)
        let family = registry.counter("demo_total", help: "Demo.", labels: ["tenant"])
        _ = family.with(labels: ["first"])
        #expect(family.with(labels: ["second"]) === family.with(labels: ["other"]))
        let check = try Promtool(["check", "metrics"], input: registry.exposition())
        #expect(check.status == 0, "\(check.output)")
    }

    @Test func `A removed series leaves the exposition and makes room`() {
        let registry = MetricRegistry(shards: 1, maxSeriesPerFamily: 4)
        let family = registry.counter("demo_total", help: "Demo.", labels: ["tenant", "code"])
        for tenant in ["acme", "beta"] {
            for code in ["200", "429"] { family.with(labels: [tenant, code]).increment(by: 5, shard: 0) }
        }
        let held = family.with(labels: ["acme", "200"])
        family.remove(label: "tenant", value: "acme")
        held.increment(shard: 0)
        #expect(
            lines(registry, "demo_total{")
                == [#"demo_total{tenant="beta",code="200"} 5"#, #"demo_total{tenant="beta",code="429"} 5"#]
        )
        family.remove(labels: ["beta", "429"])
        #expect(family.with(labels: ["beta", "200"]).value == 5)
        #expect(family.with(labels: ["gamma", "200"]).value == 0)
        #expect(family.with(labels: ["acme", "200"]).value == 0)
        #expect(lines(registry, "tollgate_metrics_overflow_total{").first?.hasSuffix(" 0") == true)
    }

    @Test func `No increment is lost between threads`() {
        let registry = MetricRegistry(shards: 3)
        let counter = registry.counter("demo_total", help: "Demo.").with()
        let gauge = registry.gauge("demo_open", help: "Demo.").with()
        let histogram = registry.histogram("demo_seconds", help: "Demo.", buckets: [1, 2]).with()
        let threads = 4
        let rounds = 300_000
        // On one row: an increment must be whole even where a shard is shared.
        onThreads(threads) { _ in
            for _ in 0..<rounds { counter.increment(by: 2, shard: 0) }
            for i in 0..<rounds { gauge.add(i % 2 == 0 ? 3 : -2, shard: 0) }
            for i in 0..<rounds { histogram.observe(Double(i % 4), shard: 0) }
        }
        let each = UInt64(threads * rounds)
        #expect(counter.value == 2 * each)
        #expect(gauge.value == Double(each) / 2)
        let snapshot = histogram.snapshot()
        #expect(snapshot.cumulative == [each / 2, each / 4 * 3, each])
        #expect(snapshot.sum == Double(each) * 1.5)
    }

    @Test func `Look-ups, removals and scrapes may run at the same time`() {
        let registry = MetricRegistry(shards: 2, maxSeriesPerFamily: 50)
        let family = registry.counter("demo_total", help: "Demo.", labels: ["n"])
        onThreads(4) { thread in
            for i in 0..<2000 {
                switch thread {
                case 0: family.remove(labels: ["\(i % 100)"])
                case 1 where i % 20 == 0: _ = registry.exposition()
                default: family.with(labels: ["\(i % 100)"]).increment(shard: thread)
                }
            }
        }
        #expect(family.count <= 51)
        let names = lines(registry, "demo_total{").map { $0.prefix { $0 != " " } }
        #expect(Set(names).count == names.count)
    }

    @Test func `A shard out of range still counts`() {
        let counter = MetricRegistry(shards: 2).counter("demo_total", help: "Demo.").with()
        for shard in [0, 1, 2, 77, -1, .min, .max] { counter.increment(shard: shard) }
        #expect(counter.value == 7)
    }

    @Test func `A gauge shows the level last set and the deltas`() {
        let gauge = MetricRegistry(shards: 2).gauge("demo", help: "Demo.").with()
        gauge.set(2.5)
        gauge.add(3, shard: 0)
        gauge.add(-1, shard: 1)
        #expect(gauge.value == 4.5)
        gauge.set(-1)
        #expect(gauge.value == 1)
    }

    @Test func `Rows of a callback past the ceiling, malformed or repeated are left out and counted`() {
        let registry = MetricRegistry(shards: 1, maxSeriesPerFamily: 2)
        registry.callbackGauge("demo", help: "Demo.", labels: ["n"]) {
            [(["a"], 1), (["a"], 2), ([], 3), (["b"], 4), (["c"], 5)]
        }
        let samples = lines(registry, "").filter { !$0.hasPrefix("#") }
        #expect(
            samples == [
                #"demo{n="a"} 1.0"#, #"demo{n="b"} 4.0"#, #"tollgate_metrics_overflow_total{family="demo"} 3"#,
            ]
        )
    }

    @Test func `Registration stops the program on a counter without its suffix`() async {
        await #expect(processExitsWith: .failure) {
            _ = MetricRegistry(shards: 1).counter("demo_requests", help: "Demo.")
        }
    }

    @Test func `Registration stops the program on a name that is taken`() async {
        await #expect(processExitsWith: .failure) {
            let registry = MetricRegistry(shards: 1)
            _ = registry.gauge("demo", help: "Demo.")
            registry.callbackGauge("demo", help: "Demo.") { [] }
        }
    }

    @Test func `Registration stops the program on a name that Prometheus does not allow`() async {
        await #expect(processExitsWith: .failure) {
            _ = MetricRegistry(shards: 1).gauge("demo-gauge", help: "Demo.")
        }
        await #expect(processExitsWith: .failure) {
            _ = MetricRegistry(shards: 1).gauge("demo", help: "Demo.", labels: ["__name__"])
        }
        await #expect(processExitsWith: .failure) {
            _ = MetricRegistry(shards: 1).histogram("demo", help: "Demo.", labels: ["le"], buckets: [1])
        }
    }

    @Test func `A look-up with the wrong number of values stops the program`() async {
        await #expect(processExitsWith: .failure) {
            _ = MetricRegistry(shards: 1).gauge("demo", help: "Demo.", labels: ["a"]).with(labels: ["x", "y"])
        }
    }
}
