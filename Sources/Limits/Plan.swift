// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// A named set of limits and models that tenants are put on.
public struct Plan: Hashable, Sendable {
    /// What tenants name it by.
    public var name: PlanName
    /// Steady rate, in requests per `rate.seconds`, with a burst on top; nil means no limit.
    public var rate: Rate?
    /// Requests per UTC day; nil means no limit.
    public var dailyQuota: Int64?
    /// Requests under way at once; nil means no limit.
    public var concurrency: Int32?
    /// Models that its tenants reach.
    public var models: ModelAccess
    /// Each of its tenants' share of the machine where more is asked than it can do, relative to the others': 1 to 100.
    public var weight: Int
    /// Counts the changes to this plan, from 1.
    public var revision: Int64

    /// The rate's type, under the name that goes with a plan.
    public typealias Rate = RequestRate

    /// A plan; nil is no limit.
    public init(
        name: PlanName,
        rate: Rate?,
        dailyQuota: Int64?,
        concurrency: Int32?,
        models: ModelAccess,
        weight: Int = 1,
        revision: Int64 = 1
    ) {
        self.name = name
        self.rate = rate
        self.dailyQuota = dailyQuota
        self.concurrency = concurrency
        self.models = models
        self.weight = weight
        self.revision = revision
    }
}

extension Plan {
    /// The plan as it is for a tenant with overrides of its own; its name stays.
    public func overridden(by overrides: LimitOverrides?) -> Plan {
        guard let overrides else { return self }
        var plan = self
        plan.rate = overrides.rate.applied(to: rate)
        plan.dailyQuota = overrides.dailyQuota.applied(to: dailyQuota)
        plan.concurrency = overrides.concurrency.applied(to: concurrency)
        plan.models = overrides.models ?? models
        return plan
    }
}
