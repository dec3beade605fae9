// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// What a tenant's limits say to one request.
public enum AdmissionOutcome: Sendable {
    case admitted(Admission)
    case refused(LimitRefusal)
}

/// What one admitted request took of its tenant's limits.
///
/// Exactly one of ``settle()`` and ``refund(now:)`` must be called, once. The type can be copied, so that a request can
/// hold it in a field; the copies stand for the same admission.
public struct Admission: Sendable {
    /// Where the tenant stands after this request was charged.
    public internal(set) var state: LimitState
    let tenant: Part
    /// What was taken of the key's own limit; nil when it has none.
    var key: Part?

    /// What was taken of one account.
    struct Part {
        let account: TenantAccount
        let charge: RateCell.Charge?
        /// Of the plan that the charge was made by.
        let generation: UInt32
        /// The UTC day whose quota was charged.
        let day: Int64
    }

    /// The request has ended, whatever came of it: its place among those under way is free, its cost stays.
    public func settle() {
        tenant.account.settle()
        key?.account.settle()
    }

    /// A later step refused the request before any work was done: rate, quota and concurrency are given back.
    ///
    /// Of the rate comes back what still weighs on later requests: all of it at the moment of admission or while
    /// earlier requests are still being paid off, less once the time that the request took has passed anyway. A quota
    /// whose day is over is not given back.
    public func refund(now: UnixTime) {
        tenant.account.refund(tenant, now: now.nanoseconds)
        if let key { key.account.refund(key, now: now.nanoseconds) }
    }
}
