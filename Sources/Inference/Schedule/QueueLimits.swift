// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// How much may wait, and how much of it runs together.
public struct QueueLimits: Hashable, Sendable {
    /// Requests that wait, of all tenants.
    public var requests = 4096
    /// Requests that wait, of one tenant.
    public var requestsPerTenant = 1024
    /// Expected nanoseconds of a batch; one request may take longer.
    public var batchNanoseconds: Int64 = 4_000_000
    /// Expected nanoseconds of all that an event loop runs in one turn.
    public var turnNanoseconds: Int64 = 2_000_000

    /// The defaults.
    public init() {}

    /// The same, with batches that take no longer than so much.
    func within(_ nanoseconds: Int64) -> QueueLimits {
        var limits = self
        limits.batchNanoseconds = min(batchNanoseconds, nanoseconds)
        return limits
    }
}

extension FairQueue {
    /// Why no more of a tenant's work can be taken.
    ///
    /// - Parameter workers: how many drain the queue.
    /// - Returns: nil when there is room; else `queue_full`, and when the tenant's share will have drained what it has
    ///   waiting.
    func refusal(_ share: TenantShare, _ limits: QueueLimits, workers: Int) -> InferenceError? {
        let own = count(of: share.tenant)
        guard count >= limits.requests || own >= limits.requestsPerTenant else { return nil }
        return InferenceError(
            .unavailable(.queueFull),
            count >= limits.requests
                ? "the inference queue is full: \(count) requests wait" : "\(own) requests of this tenant wait already",
            retryAfter: Self.seconds(nanoseconds(untilDone: share), workers: workers)
        )
    }

    /// Why work cannot be done in time.
    ///
    /// - Parameters:
    ///   - deadline: of the clock that `now` was read from.
    ///   - cost: nanoseconds that the work takes alone.
    /// - Returns: nil when it is expected to be in time. `deadline_exceeded` when it would not be with nobody before it
    ///   either; else `deadline_unattainable`, and when enough will have been drained.
    func refusal(
        _ share: TenantShare,
        deadline: Int64,
        now: Int64,
        cost: Int64,
        workers: Int
    ) -> InferenceError? {
        guard deadline != .max else { return nil }
        let left = deadline - now
        guard left > 0, cost <= left else {
            return InferenceError(
                .unavailable(.deadlineExceeded),
                left <= 0
                    ? "the request's deadline passed before it could run"
                    : "the model takes about \(cost / 1000) microseconds, longer than the request's deadline allows"
            )
        }
        let finish = max(cost, nanoseconds(untilDone: share, adding: cost) / Int64(workers))
        guard finish > left else { return nil }
        return InferenceError(
            .unavailable(.deadlineUnattainable),
            "the request's turn is expected in about \(finish / 1_000_000) milliseconds, behind its deadline",
            retryAfter: Self.seconds(finish - left, workers: 1)
        )
    }

    /// Whole seconds from 1 to an hour, never less than it takes.
    private static func seconds(_ nanoseconds: Int64, workers: Int) -> Int {
        let seconds = Double(nanoseconds) / Double(workers) / 1e9
        return max(1, Int(min(seconds, 3600).rounded(.up)))
    }
}

extension InferenceError {
    /// For work that nobody waits for any more.
    static let late = InferenceError(
        .unavailable(.deadlineExceeded),
        "the request's deadline passed while it waited; it was not run"
    )
}
