// SPDX-License-Identifier: Apache-2.0

/// What holds for one tenant in place of its plan's limits.
public struct LimitOverrides: Hashable, Sendable {
    /// One limit: the plan's own, another, or none.
    public enum Limit<Value: Hashable & Sendable>: Hashable, Sendable {
        case inherited
        case unlimited
        case limited(Value)

        /// The limit that comes of it; nil is no limit.
        public func applied(to planned: Value?) -> Value? {
            switch self {
            case .inherited: planned
            case .unlimited: nil
            case .limited(let value): value
            }
        }
    }

    /// Steady rate and burst.
    public var rate: Limit<RequestRate>
    /// Requests per UTC day.
    public var dailyQuota: Limit<Int64>
    /// Requests under way at once.
    public var concurrency: Limit<Int32>
    /// The models it reaches; nil for the plan's.
    public var models: ModelAccess?

    /// Overrides; by default none.
    public init(
        rate: Limit<RequestRate> = .inherited,
        dailyQuota: Limit<Int64> = .inherited,
        concurrency: Limit<Int32> = .inherited,
        models: ModelAccess? = nil
    ) {
        self.rate = rate
        self.dailyQuota = dailyQuota
        self.concurrency = concurrency
        self.models = models
    }

    /// Whether the plan holds as it is.
    public var isEmpty: Bool { self == LimitOverrides() }
}
