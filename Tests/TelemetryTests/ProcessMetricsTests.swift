// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Telemetry

@Suite struct ProcessMetricsTests {
    private func values() -> [String: Double] {
        let registry = MetricRegistry(shards: 1)
        registry.registerProcessMetrics()
        var values: [String: Double] = [:]
        for line in String(decoding: registry.exposition(), as: UTF8.self).split(separator: "\n")
        where line.hasPrefix("process_") {
            let parts = line.split(separator: " ")
            values[String(parts[0])] = Double(parts[1].replacingOccurrences(of: "+Inf", with: "inf"))
        }
        return values
    }

    @Test func `The process's own figures are there and plausible`() throws {
        let values = values()
        #expect(try #require(values["process_cpu_seconds_total"]) >= 0)
        #expect(try #require(values["process_threads"]) >= 1)
        let resident = try #require(values["process_resident_memory_bytes"])
        #expect(resident > 1_000_000)
        #expect(try #require(values["process_virtual_memory_bytes"]) >= resident)
        let start = try #require(values["process_start_time_seconds"])
        let now = Date().timeIntervalSince1970
        #expect(start <= now + 2 && start > now - 86_400)
        let open = try #require(values["process_open_fds"])
        let limit = try #require(values["process_max_fds"])
        #expect(open >= 3 && open <= limit)
        #expect(values.count == 7)
    }

    @Test func `A program's name with spaces and parentheses does not shift the fields`() {
        let numbers = (3...52).map { $0 == 3 ? "S" : "\($0)" }.joined(separator: " ")
        let status = ProcessStatus(stat: Array("42 (a) S 1 ) (b) \(numbers)\n".utf8))
        #expect(status?.cpuTicks == 14 + 15)
        #expect(status?.threads == 20)
        #expect(status?.startTicks == 22)
        #expect(status?.virtualBytes == 23)
        #expect(status?.residentPages == 24)
    }

    @Test(arguments: ["", "42 (a", "42 (a) S 1 2", "42 (a) S " + String(repeating: "x ", count: 40)])
    func `A status that cannot be read is none`(text: String) {
        #expect(ProcessStatus(stat: Array(text.utf8)) == nil)
    }

    @Test func `The machine's start is found among the lines`() {
        #expect(ProcessStatus.bootTime(stat: Array("cpu 1 2\nbtime 1764000000\nprocesses 7\n".utf8)) == 1_764_000_000)
        #expect(ProcessStatus.bootTime(stat: Array("cpu 1 2\n".utf8)) == nil)
    }
}
