// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Limits

extension LimitRefusal {
    /// What the caller is told.
    ///
    /// - Parameters:
    ///   - plan: of the tenant, with what overrides it.
    ///   - key: the limits of the key's own.
    func sentence(_ plan: Plan, key: KeyLimits?) -> String {
        if isOfKey, let key { return sentence(key) }
        switch code {
        case .rateExceeded:
            return
                "The rate of this tenant's plan (\(Self.words(plan.rate))) is used up; retry in \(retryAfterSeconds) s."
        case .quotaExceeded:
            return
                "The daily quota of \(plan.dailyQuota ?? 0) requests is used up; it renews in \(retryAfterSeconds) s."
        default: return "This tenant has \(plan.concurrency ?? 0) requests under way, as many as its plan allows."
        }
    }

    /// For the record, which has no sentence.
    var detail: String { isOfKey ? "the key's own limits: \(violatedPolicies.joined(separator: ", "))" : "" }

    private func sentence(_ key: KeyLimits) -> String {
        switch code {
        case .rateExceeded:
            "The rate of this API key (\(Self.words(key.rate))) is used up; retry in \(retryAfterSeconds) s."
        case .quotaExceeded:
            "The daily quota of this API key (\(key.dailyQuota ?? 0) requests) is used up; it renews in "
                + "\(retryAfterSeconds) s."
        default: "This API key has \(key.concurrency ?? 0) requests under way, as many as it may."
        }
    }

    private static func words(_ rate: RequestRate?) -> String {
        rate.map { "\($0.requests) requests in \($0.seconds) s, \($0.burst) at once" } ?? ""
    }
}
