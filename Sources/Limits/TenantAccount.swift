// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Synchronization

/// One tenant's limits and what is used of them: shared by all threads, decided without a lock.
///
/// A decision takes from rate, quota and concurrency, or from none. It first looks at all three, so a refusal leaves no
/// trace. Only when several threads meet at the last free place can one have to give back what it took; it does so
/// exactly, and looks again.
public final class TenantAccount: Sendable {
    private let terms: Atomic<Unmanaged<LimitTerms>>
    /// Every terms the account ever had, for a thread may still be reading them: plans change seldom.
    private let everAssigned: Mutex<[LimitTerms]>
    private let rate = RateCell()
    private let quota = QuotaCell()
    private let concurrency = ConcurrencyCell()

    init(_ plan: Plan) {
        let first = LimitTerms(plan, generation: 0)
        terms = Atomic(.passUnretained(first))
        everAssigned = Mutex([first])
    }

    /// The plan that decisions are made by now.
    public var plan: Plan { withTerms { $0.plan } }
    /// The plan's weight; the whole plan costs more to read.
    public var weight: Int { withTerms { $0.weight } }
    /// Counts the plans that the account had: while it stays, so does the plan.
    public var planGeneration: UInt32 { withTerms { $0.generation } }

    /// Requests under way.
    public var inFlight: Int { Int(concurrency.inFlight) }

    /// Where the tenant stands, without asking for anything.
    public func state(now: UnixTime) -> LimitState {
        withTerms { state(look($0, now: now.nanoseconds), $0, now: now.nanoseconds) }
    }

    /// Admits a request and takes what it costs, or refuses it and takes nothing.
    public func admit(now: UnixTime) -> AdmissionOutcome {
        let now = now.nanoseconds
        return withTerms { terms in
            while true {
                let look = look(terms, now: now)
                guard look.violated.isEmpty else { return .refused(refusal(look, terms, now: now)) }
                if let admission = take(terms, now: now) { return .admitted(admission) }
            }
        }
    }

    // MARK: - Deciding

    struct Look {
        var violated: LimitRefusal.Violated
        var arrival: Int64
        var use: QuotaCell.Use
    }

    /// Reads all limits at `now`.
    func look(_ terms: LimitTerms, now: Int64) -> Look {
        var look = Look(violated: [], arrival: 0, use: quota.use(at: now))
        if let rate = terms.rate {
            look.arrival = self.rate.arrival(at: now, horizon: rate.horizon)
            if look.arrival > now, look.arrival - now > rate.tolerance { look.violated.insert(.rate) }
        }
        if look.use.count >= terms.dailyQuota { look.violated.insert(.quota) }
        if concurrency.inFlight >= terms.concurrency { look.violated.insert(.concurrency) }
        return look
    }

    /// Takes from all limits, or gives back what it took when another thread was first.
    ///
    /// The order matters for what other threads see meanwhile: a take is undone only because a later one found its
    /// limit reached, and ``LimitRefusal/code`` names the later one. So a refusal never blames a limit that is only
    /// held for a moment.
    func take(_ terms: LimitTerms, now: Int64) -> Admission? {
        guard let ended = concurrency.take(limit: terms.concurrency) else { return nil }
        var charge: RateCell.Charge?
        var state = LimitState()
        if let rate = terms.rate {
            charge = self.rate.take(now: now, terms: rate)
            guard charge != nil else {
                concurrency.giveBack()
                return nil
            }
            // Counted after the charge and from the ends before it, so never too few; less one for this request.
            charge!.openBefore = concurrency.begun &- ended &- 1
            state.rate = PolicyState(
                rate: terms.plan.rate!,
                terms: rate,
                arrival: charge!.start + rate.interval,
                now: now
            )
        }
        guard let use = quota.take(limit: terms.dailyQuota, now: now) else {
            if let charge { rate.giveBack(charge, now: now) }
            concurrency.giveBack()
            return nil
        }
        if terms.plan.dailyQuota != nil { state.quota = PolicyState(quota: terms.dailyQuota, use: use, now: now) }
        let part = Admission.Part(account: self, charge: charge, generation: terms.generation, day: use.day)
        return Admission(state: state, tenant: part, key: nil)
    }

    func refusal(_ look: Look, _ terms: LimitTerms, now: Int64) -> LimitRefusal {
        var wait: Int64 = 1
        if look.violated.contains(.rate), let rate = terms.rate {
            wait = max(wait, secondsRoundedUp(look.arrival - rate.tolerance - now))
        }
        if look.violated.contains(.quota) { wait = max(wait, secondsRoundedUp(look.use.nanosecondsLeft(at: now))) }
        return LimitRefusal(violated: look.violated, retryAfterSeconds: Int(wait), state: state(look, terms, now: now))
    }

    func state(_ look: Look, _ terms: LimitTerms, now: Int64) -> LimitState {
        var state = LimitState()
        if let rate = terms.plan.rate, let rateTerms = terms.rate {
            state.rate = PolicyState(rate: rate, terms: rateTerms, arrival: look.arrival, now: now)
        }
        if terms.plan.dailyQuota != nil {
            state.quota = PolicyState(quota: terms.dailyQuota, use: look.use, now: now)
        }
        return state
    }

    func withTerms<R>(_ body: (LimitTerms) -> R) -> R {
        terms.load(ordering: .acquiring)._withUnsafeGuaranteedRef(body)
    }
}

// MARK: - After the decision

extension TenantAccount {
    func settle() {
        concurrency.giveBack()
    }

    func refund(_ part: Admission.Part, now: Int64) {
        if let charge = part.charge, withTerms({ $0.generation }) == part.generation {
            rate.giveBack(charge, now: now)
        }
        quota.giveBack(day: part.day)
        // Last, for the number of open requests bounds how far the refund above may move others.
        concurrency.giveBack()
    }

    func assign(_ plan: Plan) {
        everAssigned.withLock { all in
            guard let current = all.last, current.plan != plan else { return }
            let next = LimitTerms(plan, generation: current.generation &+ 1)
            all.append(next)
            terms.store(.passUnretained(next), ordering: .releasing)
        }
    }

    func snapshot(of holder: AccountSnapshot.Holder) -> AccountSnapshot {
        let use = quota.stored
        return AccountSnapshot(
            holder,
            theoreticalArrivalNanoseconds: rate.stored,
            quotaDay: use.day,
            quotaUsed: use.count
        )
    }

    func restore(_ snapshot: AccountSnapshot) {
        rate.restore(snapshot.theoreticalArrivalNanoseconds)
        quota.restore(QuotaCell.Use(day: snapshot.quotaDay, count: snapshot.quotaUsed))
    }

    func replay(_ requests: Int64, at now: Int64) {
        guard requests > 0 else { return }
        withTerms { terms in
            if let rateTerms = terms.rate { rate.replay(requests, now: now, terms: rateTerms) }
        }
        quota.replay(requests, at: now)
    }
}
