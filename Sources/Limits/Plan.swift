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
    /// Counts the changes to this plan, from 1.
    public var revision: Int64

    /// A steady rate and the burst on top of it.
    public struct Rate: Hashable, Sendable {
        /// Requests in each window of `seconds`.
        public var requests: Int64
        /// Length of the window.
        public var seconds: Int64
        /// Requests that may come at once when nothing was asked for a while; at least 1.
        public var burst: Int64

        /// A rate of `requests` in each window of `seconds`, with bursts of `burst`.
        public init(requests: Int64, seconds: Int64, burst: Int64) {
            self.requests = requests
            self.seconds = seconds
            self.burst = burst
        }
    }

    /// A plan; nil is no limit.
    public init(
        name: PlanName,
        rate: Rate?,
        dailyQuota: Int64?,
        concurrency: Int32?,
        models: ModelAccess,
        revision: Int64 = 1
    ) {
        self.name = name
        self.rate = rate
        self.dailyQuota = dailyQuota
        self.concurrency = concurrency
        self.models = models
        self.revision = revision
    }
}
