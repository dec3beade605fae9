// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// What a rule goes by: both versions since the canary began.
public struct CanaryFigures: Hashable, Sendable {
    /// One version.
    public struct Side: Hashable, Sendable {
        /// Right among labelled ones.
        public var accuracy = Proportion()
        /// Failed among all requests.
        public var errors = Proportion()

        /// Of nothing.
        public init(accuracy: Proportion = Proportion(), errors: Proportion = Proportion()) {
            self.accuracy = accuracy
            self.errors = errors
        }
    }

    /// The version that is tried.
    public var canary: Side
    /// The one that takes the rest.
    public var stable: Side
    /// The canary's largest population stability index; nil while too little was seen, or there is no reference.
    public var drift: Double?

    /// The figures of a trial.
    public init(canary: Side = Side(), stable: Side = Side(), drift: Double? = nil) {
        self.canary = canary
        self.stable = stable
        self.drift = drift
    }

    /// Of the canary being no worse than the stable version, at any look: small when it is worse; nil without labels of both.
    public var worseP: Double? { SequentialTest.worse(canary.accuracy, than: stable.accuracy) }

    /// `{"canary": {"labels": 210, "accuracy": 0.95, "requests": 900, "errors": 0}, "stable": {…}, "drift": 0.02,
    /// "worse_p": 0.4}`; null where nothing is known.
    public var json: JSON {
        func side(_ side: Side) -> JSON {
            [
                "labels": .integer(Int64(side.accuracy.trials)),
                "accuracy": side.accuracy.ratio.map(JSON.double) ?? .null,
                "requests": .integer(Int64(side.errors.trials)), "errors": .integer(Int64(side.errors.successes)),
            ]
        }
        return [
            "canary": side(canary), "stable": side(stable), "drift": drift.map(JSON.double) ?? .null,
            "worse_p": worseP.map(JSON.double) ?? .null,
        ]
    }
}

/// What is to be done about a canary, with the sentence that says why.
public enum CanaryVerdict: Hashable, Sendable {
    /// Nothing yet.
    case wait(String)
    case promote(String)
    case rollBack(String)
}

extension CanaryRule {
    /// Judges; what speaks for going back comes before what speaks for going on.
    public func judge(_ figures: CanaryFigures) -> CanaryVerdict {
        if let limit = rollbackErrors {
            let errors = figures.canary.errors
            let p = SequentialTest.above(limit, errors)
            if p < Self.significance {
                return .rollBack(
                    "\(errors.successes) of \(errors.trials) requests failed, significantly more than \(limit)"
                        + " (p = \(Self.short(p)))"
                )
            }
        }
        if let limit = rollbackDrift, let drift = figures.drift, drift > limit {
            return .rollBack("drift \(Self.short(drift)) is above \(limit)")
        }
        let (canary, stable) = (figures.canary.accuracy, figures.stable.accuracy)
        let isKnown = canary.trials >= minLabels && stable.trials >= minLabels
        let isWorse = isKnown && figures.worseP ?? 1 < Self.significance
        let p = Self.short(figures.worseP ?? 1)
        let both =
            "accuracy \(Self.short(canary.ratio ?? 0)) of \(canary.trials) labels"
            + " against \(Self.short(stable.ratio ?? 0)) of \(stable.trials)"
        if rollbackWhenWorse, isWorse { return .rollBack("\(both): significantly worse (p = \(p))") }
        guard let least = promoteAccuracy else { return .wait("nothing speaks for a rollback") }
        guard isKnown else {
            return .wait(
                "\(canary.trials) labels of the canary and \(stable.trials) of the stable version; each needs \(minLabels)"
            )
        }
        guard canary.ratio ?? 0 >= least else { return .wait("\(both): below \(least)") }
        return isWorse
            ? .wait("\(both): significantly worse (p = \(p))") : .promote("\(both): not significantly worse (p = \(p))")
    }

    private static func short(_ value: Double) -> String { "\((value * 10_000).rounded() / 10_000)" }
}
