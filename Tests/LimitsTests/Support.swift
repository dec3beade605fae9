// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Synchronization

@testable import Limits

let second: Int64 = 1_000_000_000
let day: Int64 = 86_400 * second
/// 2026-11-24T06:00:00Z.
let morning = UnixTime(seconds: 1_795_500_000 / 86_400 * 86_400 + 21_600)

func plan(rate: Plan.Rate? = nil, daily: Int64? = nil, concurrency: Int32? = nil) -> Plan {
    Plan(name: PlanName("test")!, rate: rate, dailyQuota: daily, concurrency: concurrency, models: .all)
}

func account(rate: Plan.Rate? = nil, daily: Int64? = nil, concurrency: Int32? = nil) -> TenantAccount {
    TenantAccount(plan(rate: rate, daily: daily, concurrency: concurrency))
}

extension UnixTime {
    static func + (time: UnixTime, span: Nanoseconds) -> UnixTime {
        UnixTime(nanoseconds: time.nanoseconds + span.count)
    }
}

struct Nanoseconds {
    var count: Int64
    init(_ count: Int64) { self.count = count }
}

extension AdmissionOutcome {
    var admission: Admission? { if case .admitted(let admission) = self { admission } else { nil } }
    var refusal: LimitRefusal? { if case .refused(let refusal) = self { refusal } else { nil } }
}

extension TenantAccount {
    /// Asks until refused; the admissions that passed.
    func drain(now: UnixTime, most: Int = .max) -> [Admission] {
        var passed: [Admission] = []
        while passed.count < most, let admission = admit(now: now).admission { passed.append(admission) }
        return passed
    }
}

/// Runs `body` on that many threads, which start together, and waits for all.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let ready = Atomic<Int>(0)
    withExtendedLifetime(Box(ready)) { box in
        let done = DispatchGroup()
        for index in 0..<count {
            done.enter()
            let thread = Thread {
                box.value.add(1, ordering: .acquiringAndReleasing)
                while box.value.load(ordering: .acquiring) < count { sched_yield() }
                body(index)
                done.leave()
            }
            thread.start()
        }
        done.wait()
    }
}

/// A counter that threads share.
final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .acquiring) }
    func add(_ amount: Int) { count.add(amount, ordering: .acquiringAndReleasing) }
}

private final class Box: Sendable {
    let value: Atomic<Int>
    init(_ value: consuming Atomic<Int>) { self.value = value }
}

/// A token bucket in exact integers: another formulation of the same limit, to compare with.
struct TokenBucket {
    let interval: Int64
    let capacity: Int64
    var level: Int64
    var last: Int64

    init(_ rate: Plan.Rate, at now: UnixTime) {
        let window = rate.seconds * second
        interval = (window + rate.requests - 1) / rate.requests
        capacity = interval * rate.burst
        level = capacity
        last = now.nanoseconds
    }

    mutating func admits(_ now: UnixTime) -> Bool {
        refill(now)
        guard level >= interval else { return false }
        level -= interval
        return true
    }

    mutating func refill(_ now: UnixTime) {
        level = min(capacity, level + now.nanoseconds - last)
        last = now.nanoseconds
    }
}
