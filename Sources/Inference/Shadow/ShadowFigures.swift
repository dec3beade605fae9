// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// What became of a request that a shadow was to run.
public enum ShadowOutcome: String, Hashable, Sendable, CaseIterable {
    /// It answered the same.
    case agreed
    /// It answered something else.
    case differed
    /// It did not answer.
    case failed
    /// There was no capacity for it.
    case dropped
}

/// What a shadow did since it was set, or since the process began.
public struct ShadowFigures: Hashable, Sendable {
    /// Requests by what became of them.
    public internal(set) var requests: [ShadowOutcome: Int] = [:]
    /// Instances that were compared.
    public internal(set) var instances = 0
    /// Of those, how many had the same answer.
    public internal(set) var agreeing = 0
    /// The largest difference of two numbers; infinite where the answers have different forms.
    public internal(set) var maxDifference = 0.0
    /// Nanoseconds that the shadow took for the requests that it answered.
    public internal(set) var nanoseconds: Int64 = 0
    /// Nanoseconds that the same requests took where they were answered: their shares of their batches.
    public internal(set) var servingNanoseconds: Int64 = 0
    /// Why the last one failed; empty while none did.
    public internal(set) var lastFailure = ""

    /// Nothing yet.
    public init() {}

    mutating func add(_ comparison: AnswerComparison, nanoseconds: Int64, serving: Int64) -> ShadowOutcome {
        let outcome = comparison.isAgreed ? ShadowOutcome.agreed : .differed
        requests[outcome, default: 0] += 1
        instances += comparison.instances
        agreeing += comparison.agreeing
        maxDifference = max(maxDifference, comparison.maxDifference)
        self.nanoseconds += nanoseconds
        servingNanoseconds += serving
        return outcome
    }

    /// For operators. Means are of a request in microseconds; ratios and means are null while there is nothing, and a
    /// difference that is no number is null.
    public var json: JSON {
        let answered = (requests[.agreed] ?? 0) + (requests[.differed] ?? 0)
        func mean(_ nanoseconds: Int64) -> JSON {
            answered == 0 ? .null : .double(Double(nanoseconds) / Double(answered) / 1000)
        }
        return .object(
            ShadowOutcome.allCases.map { JSON.Member($0.rawValue, .integer(Int64(requests[$0] ?? 0))) } + [
                .init("instances", .integer(Int64(instances))),
                .init("agreement", instances == 0 ? .null : .double(Double(agreeing) / Double(instances))),
                .init("max_difference", maxDifference.isFinite && instances > 0 ? .double(maxDifference) : .null),
                .init("mean_us", mean(nanoseconds)), .init("serving_mean_us", mean(servingNanoseconds)),
                .init("last_failure", .string(lastFailure)),
            ]
        )
    }
}
