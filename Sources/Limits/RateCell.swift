// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The generic cell rate algorithm in its virtual scheduling form (ITU-T I.371, annex A), in nanoseconds.
///
/// The state is one word, the theoretical arrival time (TAT): the moment at which the bucket is full again. A request
/// moves it one emission interval ahead, and is refused when it lies further ahead than the tolerance. For admissions
/// that are not refunded, in any order of decisions: a span of time `s` holds at most `burst + s / interval`.
struct RateCell: ~Copyable {
    /// How far clocks of two threads may differ before a time that lies behind counts as a clock set back.
    static let clockSlack: Int64 = 1_000_000_000

    private let theoreticalArrival = Atomic<Int64>(0)
    /// Nanoseconds ever refunded, modulo 2^64.
    private let refunded = Atomic<UInt64>(0)
    /// Counts what makes earlier charges incomparable: clocks set back and restored states.
    private let epoch = Atomic<UInt32>(0)

    /// What one request took.
    struct Charge {
        /// Where its interval begins on the TAT's axis.
        var start: Int64
        var interval: Int64
        /// No fewer than the requests that were charged before it and still open: set once it is known.
        var openBefore: UInt32
        var refundedBefore: UInt64
        var epoch: UInt32
    }

    /// The TAT as it stands, for a snapshot.
    var stored: Int64 { theoreticalArrival.load(ordering: .relaxed) }

    borrowing func restore(_ nanoseconds: Int64) {
        theoreticalArrival.store(nanoseconds, ordering: .releasing)
        epoch.wrappingAdd(1, ordering: .acquiringAndReleasing)
    }

    /// The TAT at `now`, which may lie in the past.
    ///
    /// The TAT is never more than `horizon` ahead unless the clock was set back (or the plan changed). Then it becomes
    /// as far ahead as it can rightly be: an empty bucket, which fills at its usual pace from the new time on.
    borrowing func arrival(at now: Int64, horizon: Int64) -> Int64 {
        var current = theoreticalArrival.load(ordering: .relaxed)
        while current > now &+ horizon &+ Self.clockSlack {
            epoch.wrappingAdd(1, ordering: .acquiringAndReleasing)
            let (exchanged, original) = theoreticalArrival.weakCompareExchange(
                expected: current,
                desired: now &+ horizon,
                ordering: .acquiringAndReleasing
            )
            if exchanged { return now &+ horizon }
            current = original
        }
        return current
    }

    /// Charges one request, or nothing when the rate does not allow it now.
    borrowing func take(now: Int64, terms: borrowing RateTerms) -> Charge? {
        let epoch = epoch.load(ordering: .acquiring)
        let refunded = refunded.load(ordering: .acquiring)
        while true {
            let current = arrival(at: now, horizon: terms.horizon)
            let start = max(current, now)
            guard start &- now <= terms.tolerance else { return nil }
            let exchanged = theoreticalArrival.weakCompareExchange(
                expected: current,
                desired: start &+ terms.interval,
                ordering: .acquiringAndReleasing
            ).exchanged
            guard exchanged else { continue }
            return Charge(
                start: start,
                interval: terms.interval,
                openBefore: .max,
                refundedBefore: refunded,
                epoch: epoch
            )
        }
    }

    /// Charges requests that were admitted at `now`, whatever the rate says today. The TAT is never lowered here: a
    /// time behind it may be that of a request that took long.
    borrowing func replay(_ requests: Int64, now: Int64, terms: borrowing RateTerms) {
        let (product, overflows) = terms.interval.multipliedReportingOverflow(by: requests)
        let charge = overflows ? RateTerms.longest : min(product, RateTerms.longest)
        var current = theoreticalArrival.load(ordering: .relaxed)
        while true {
            let (next, isTooFar) = max(current, now).addingReportingOverflow(charge)
            let (exchanged, original) = theoreticalArrival.weakCompareExchange(
                expected: current,
                desired: isTooFar ? .max : next,
                ordering: .acquiringAndReleasing
            )
            if exchanged { return }
            current = original
        }
    }

    /// Gives a charge back, as far as it still weighs on later requests.
    ///
    /// The part of the charge's interval that lies in the past has been earned again meanwhile: giving it back too
    /// would let requests through that the rate forbids. Refunds to requests before this one moved its interval
    /// earlier; they were at most `openBefore` requests and at most what has been refunded since. So the rest is a
    /// lower bound of the charge's effect on every later decision, and lowering the TAT by it admits nothing that would
    /// not have been admitted without the charge.
    borrowing func giveBack(_ charge: Charge, now: Int64) {
        guard epoch.load(ordering: .acquiring) == charge.epoch else { return }
        let (open, overflows) = charge.interval.multipliedReportingOverflow(by: Int64(charge.openBefore))
        var current = refunded.load(ordering: .relaxed)
        while true {
            let since = Int64(truncatingIfNeeded: min(current &- charge.refundedBefore, UInt64(Int64.max)))
            let moved = overflows ? since : min(since, open)
            let (end, underflows) = (charge.start &+ charge.interval).subtractingReportingOverflow(moved)
            guard !underflows, end > now else { return }
            let credit = min(end &- now, charge.interval)
            let (exchanged, original) = refunded.weakCompareExchange(
                expected: current,
                desired: current &+ UInt64(credit),
                ordering: .acquiringAndReleasing
            )
            if exchanged {
                theoreticalArrival.wrappingSubtract(credit, ordering: .acquiringAndReleasing)
                return
            }
            current = original
        }
    }
}
