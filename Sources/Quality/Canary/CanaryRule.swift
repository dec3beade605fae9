// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// When a canary is promoted or rolled back without anybody's doing.
public struct CanaryRule: Hashable, Sendable {
    /// Labels of the canary, and of the stable version, below which no accuracy is judged; at least 1.
    public var minLabels = 200
    /// Promote at this accuracy, if the canary is not significantly worse than the stable version.
    public var promoteAccuracy: Double?
    /// Roll back when the canary is significantly worse than the stable version.
    public var rollbackWhenWorse = false
    /// Roll back when a measure's population stability index is above this.
    public var rollbackDrift: Double?
    /// Roll back when the share of failed requests is significantly above this.
    public var rollbackErrors: Double?

    /// A p-value below it is significant: the chance that a canary which is as good is ever taken for worse, however often
    /// it is looked at (``SequentialTest``).
    public static let significance = 0.05

    /// A rule that does nothing yet.
    public init() {}

    /// Whether it can do anything.
    public var isEmpty: Bool {
        promoteAccuracy == nil && !rollbackWhenWorse && rollbackDrift == nil && rollbackErrors == nil
    }

    /// `{"min_labels": 200, "promote_accuracy": 0.95, "rollback_worse": true, "rollback_drift": 0.25, "rollback_errors":
    /// 0.05}`; null where nothing is set.
    public var json: JSON {
        [
            "min_labels": .integer(Int64(minLabels)), "promote_accuracy": promoteAccuracy.map(JSON.double) ?? .null,
            "rollback_worse": .bool(rollbackWhenWorse), "rollback_drift": rollbackDrift.map(JSON.double) ?? .null,
            "rollback_errors": rollbackErrors.map(JSON.double) ?? .null,
        ]
    }

    /// What ``json`` wrote, members left out at will; nil for anything else, and for a rule that does nothing.
    public init?(json: JSON) {
        guard let members = json.members else { return nil }
        for member in members where member.value != .null {
            let number = member.value.number
            switch member.name {
            case "min_labels":
                guard let count = member.value.integer, (1...1_000_000).contains(count) else { return nil }
                minLabels = Int(count)
            case "promote_accuracy":
                guard let number, (0...1).contains(number) else { return nil }
                promoteAccuracy = number
            case "rollback_worse":
                guard let flag = member.value.bool else { return nil }
                rollbackWhenWorse = flag
            case "rollback_drift":
                guard let number, number > 0, number <= 1000 else { return nil }
                rollbackDrift = number
            case "rollback_errors":
                guard let number, (0..<1).contains(number) else { return nil }
                rollbackErrors = number
            default: return nil
            }
        }
        if isEmpty { return nil }
    }
}
