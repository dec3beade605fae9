// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// A plan's rate as the decision needs it, in nanoseconds.
struct RateTerms {
    /// Time that one request takes of the rate; rounded up, so that rounding never admits more.
    var interval: Int64
    /// How far ahead the TAT may be for a request to pass: `burst - 1` intervals.
    var tolerance: Int64
    /// How far ahead the TAT can get: `burst` intervals.
    var horizon: Int64

    /// 73 years: what keeps every sum with a time of this century within 64 bits.
    static let longest: Int64 = 1 << 61

    /// Numbers below 1 count as 1: a plan that is not valid must not open the gate.
    init(_ rate: Plan.Rate) {
        let requests = max(rate.requests, 1)
        let (window, tooLong) = max(rate.seconds, 1).multipliedReportingOverflow(by: 1_000_000_000)
        let span = tooLong ? Self.longest : min(window, Self.longest)
        interval = max(1, span / requests + (span % requests == 0 ? 0 : 1))
        let (full, overflows) = interval.multipliedReportingOverflow(by: max(rate.burst, 1))
        horizon = overflows ? Self.longest : min(full, Self.longest)
        tolerance = horizon - interval
    }
}

/// A plan with its limits in the form that the decision reads: immutable, shared by the threads without a count.
final class LimitTerms: Sendable {
    let plan: Plan
    /// Counts the plans of one account; charges of different generations cannot be compared.
    let generation: UInt32
    let rate: RateTerms?
    let dailyQuota: Int64
    let concurrency: UInt32
    let weight: Int

    init(_ plan: Plan, generation: UInt32) {
        self.plan = plan
        self.generation = generation
        weight = plan.weight
        rate = plan.rate.map(RateTerms.init)
        dailyQuota = min(max(plan.dailyQuota ?? QuotaCell.largestQuota, 0), QuotaCell.largestQuota)
        concurrency = UInt32(max(plan.concurrency ?? .max, 0))
    }
}
