// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

@testable import Gateway

/// What is counted of answers that left while the audit log could not be written.
@Suite struct UnrecordedAnswersTests {
    @Test func `answers are counted until a record of them is durable, and since the first of them`() {
        let (live, metrics) = (
            UnrecordedAnswers.Kind(route: "/livez", action: "health.check"),
            UnrecordedAnswers.Kind(route: "/metrics", action: "metrics.scrape")
        )
        var answers = UnrecordedAnswers()
        var ticket: UInt64 = 0
        func record() -> [String: Int64] {
            var counts: [String: Int64] = [:]
            answers.record { kind, count, detail in
                #expect(detail.contains("from 1970-01-01T00:00:05"))
                counts[kind.route] = count
                ticket += 1
                return ticket
            }
            return counts
        }
        for _ in 0..<3 { answers.add(live, arrival: UnixTime(seconds: 5)) }
        answers.add(metrics, arrival: UnixTime(seconds: 5))
        #expect(record() == ["/livez": 3, "/metrics": 1])
        #expect(answers.isEmpty && record().isEmpty)
        // Not written: they wait again, with those that came meanwhile.
        answers.add(live, arrival: UnixTime(seconds: 9))
        answers.settle(1, isDurable: false)
        answers.settle(2, isDurable: false)
        answers.settle(99, isDurable: false)
        #expect(record() == ["/livez": 4, "/metrics": 1])
        answers.settle(3, isDurable: true)
        answers.settle(4, isDurable: true)
        answers.settle(3, isDurable: false)
        #expect(answers.isEmpty)
    }
}
