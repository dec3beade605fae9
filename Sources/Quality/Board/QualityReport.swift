// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Synchronization

/// The quality of one series over one window.
public struct QualityFigures: Sendable {
    /// Of how long.
    public let window: Window
    /// What labels said.
    public let labels: LabelTally
    /// What was predicted.
    public let predictions: PredictionTally
    /// nil while too little was seen, or there is no reference.
    public let drift: DriftScores?
}

extension QualityBoard {
    /// Which series a report is of.
    public enum Selection: Hashable, Sendable {
        /// All tenants together, and each.
        case everyone
        /// All tenants together.
        case together
        /// A tenant's own.
        case tenant(TenantID)

        func has(_ key: QualityKey) -> Bool {
            switch self {
            case .everyone: true
            case .together: key.tenant == nil
            case .tenant(let tenant): key.tenant == tenant
            }
        }
    }

    /// Series that are known, sorted: models, their versions, all tenants together before each of them.
    ///
    /// - Parameter model: nil for all.
    public func report(
        model: ModelName? = nil,
        of selection: Selection = .everyone,
        windows: [Window] = Window.allCases,
        now: UnixTime
    ) -> [(key: QualityKey, figures: [QualityFigures])] {
        let (series, versions) = state.withLock { ($0.series, $0.versions) }
        let keys = series.keys.filter { (model == nil || $0.model == model) && selection.has($0) }
        return keys.sorted(by: Self.precedes).compactMap { key in
            guard let one = series[key] else { return nil }
            let reference = versions[VersionKey(model: key.model, version: key.version)]?.reference
            let figures = windows.map { window in
                let predictions = one.predictions.sum(window, seconds: now.seconds)
                return QualityFigures(
                    window: window,
                    labels: one.labels.sum(window, seconds: now.seconds),
                    predictions: predictions,
                    drift: reference.flatMap { DriftScores(predictions, from: $0) }
                )
            }
            return (key, figures)
        }
    }

    /// The accuracy of each tenant's series that has labels, sorted.
    public func accuracies(over window: Window, now: UnixTime) -> [(key: QualityKey, ratio: Double)] {
        let series = state.withLock { $0.series }
        return series.keys.filter { $0.tenant != nil }.sorted(by: Self.precedes).compactMap { key in
            series[key]?.labels.sum(window, seconds: now.seconds).accuracy.ratio.map { (key, $0) }
        }
    }

    /// The references that are known: model, version, whether it came from a file, instances.
    public func references(of model: ModelName) -> [(version: Int64, isOfFile: Bool, reference: ReferenceProfile)] {
        state.withLock { state in
            state.versions.filter { $0.key.model == model }.compactMap { key, version in
                version.reference.map { (key.version, version.isOfFile, $0) }
            }.sorted { $0.0 < $1.0 }
        }
    }

    private static func precedes(_ a: QualityKey, _ b: QualityKey) -> Bool {
        if a.model != b.model { return a.model.description < b.model.description }
        if a.version != b.version { return a.version < b.version }
        return (a.tenant?.description ?? "") < (b.tenant?.description ?? "")
    }
}

extension QualityFigures {
    /// One window: `{"window": "1h", "labels": 20, "correct": 19, "accuracy": 0.95, "accuracy_low": …, "accuracy_high": …,
    /// "calibration_error": …, "brier_score": …, "mae": null, "rmse": null, "predictions": 100, "requests": 100, "errors":
    /// 0, "mean_output": 0.9, "drift": {"class": {"psi": 0.01, "js": 0.002}, …}}`.
    public var json: JSON {
        func number(_ value: Double?) -> JSON { value.flatMap { $0.isFinite ? .double($0) : nil } ?? .null }
        let shifts = drift?.scores.map { score in
            JSON.Member(
                score.name,
                [
                    "psi": .double(score.shift.populationStabilityIndex),
                    "js": .double(score.shift.jensenShannonDivergence),
                ]
            )
        }
        let seen = predictions
        return [
            "window": .string(window.rawValue), "labels": .integer(Int64(labels.count)),
            "correct": .integer(Int64(labels.accuracy.successes)), "accuracy": number(labels.accuracy.ratio),
            "accuracy_low": number(labels.accuracy.interval?.lowerBound),
            "accuracy_high": number(labels.accuracy.interval?.upperBound),
            "calibration_error": number(labels.calibration.expectedError),
            "brier_score": number(labels.calibration.topLabelBrierScore),
            "mae": number(labels.regression.meanAbsoluteError), "rmse": number(labels.regression.rootMeanSquareError),
            "predictions": .integer(Int64(seen.instances)), "requests": .integer(Int64(seen.requests)),
            "errors": .integer(Int64(seen.failures)),
            "mean_output": number(seen.sampled == 0 ? nil : seen.outputSum / Double(seen.sampled)),
            "drift": shifts.map(JSON.object) ?? .null,
        ]
    }
}
