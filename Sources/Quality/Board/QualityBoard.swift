// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Synchronization

/// The quality of all models: what labels and sketches of the event loops come to, by model, version and tenant and over
/// windows of time.
///
/// Labels count in the window in which they came, predictions in the one in which they were collected. Nothing outlives the
/// process but what a version's ``ReferenceProfile/fileName`` says.
public final class QualityBoard: Sendable {
    /// Tenants' series beyond these are counted with the others of their version alone.
    public static let maxSeries = 2000

    struct Series {
        var labels = WindowRing<LabelTally>()
        var predictions = WindowRing<PredictionTally>()
    }

    struct VersionKey: Hashable {
        let model: ModelName
        let version: Int64
    }

    struct Version {
        /// Of the version's file.
        var isOfFile = false
        var reference: ReferenceProfile?
        /// Until there are enough for a reference.
        var gathered: [PredictionSample] = []
    }

    struct Trial {
        let rule: CanaryRule
        let canary: Int64
        let stable: Int64
        var labels: [Int64: LabelTally] = [:]
        var predictions: [Int64: PredictionTally] = [:]
    }

    struct State {
        var series: [QualityKey: Series] = [:]
        var versions: [VersionKey: Version] = [:]
        var trials: [ModelName: Trial] = [:]
    }

    let state = Mutex(State())

    /// An empty board.
    public init() {}

    // MARK: - What comes

    /// Labels that were joined to a request's predictions.
    public func add(_ labelled: [LabelledPrediction], to key: QualityKey, at now: UnixTime) {
        state.withLock { state in
            for key in state.keys(key) {
                state.series[key, default: Series()].labels.update(seconds: now.seconds) { tally in
                    for one in labelled { tally.add(one) }
                }
            }
            guard state.trials[key.model]?.concerns(key.version) == true else { return }
            for one in labelled { state.trials[key.model]?.labels[key.version, default: LabelTally()].add(one) }
        }
    }

    /// What an event loop collected.
    public func add(_ delta: SketchDelta, to key: QualityKey, at now: UnixTime) {
        state.withLock { state in
            let reference = state.gather(delta.samples, VersionKey(model: key.model, version: key.version))
            for key in state.keys(key) {
                state.series[key, default: Series()].predictions.update(seconds: now.seconds) { tally in
                    tally.add(delta, reference: reference)
                }
            }
            guard state.trials[key.model]?.concerns(key.version) == true else { return }
            let known = state.trialReference(of: key.model)
            state.trials[key.model]?.predictions[key.version, default: PredictionTally()].add(delta, reference: known)
        }
    }

    /// The reference of a version's file takes the place of the one that is gathered.
    public func setReference(_ reference: ReferenceProfile, model: ModelName, version: Int64) {
        state.withLock { state in
            let key = VersionKey(model: model, version: version)
            guard state.versions[key]?.reference != reference else { return }
            state.versions[key] = Version(isOfFile: true, reference: reference)
            // Counts in the bins of another reference cannot be compared with this one.
            for series in state.series.keys where series.model == model && series.version == version {
                state.series[series]?.predictions = WindowRing()
            }
        }
    }

    /// Forgets series of which nothing came for a day, and with the last series of a version that is not served what its
    /// predictions are compared with.
    public func forget(now: UnixTime, isServed: (ModelName, Int64) -> Bool) {
        let minute = now.seconds / 60 - 24 * 60
        state.withLock { state in
            state.series = state.series.filter { max($0.value.labels.last, $0.value.predictions.last) > minute }
            state.versions = state.versions.filter { key, _ in
                isServed(key.model, key.version)
                    || state.series[QualityKey(tenant: nil, model: key.model, version: key.version)] != nil
            }
        }
    }

    /// Forgets the samples of versions that are not served and did not come to a reference: there may be many of them.
    public func forgetSamples(isServed: (ModelName, Int64) -> Bool) {
        state.withLock { state in
            for (key, version) in state.versions where !version.gathered.isEmpty && !isServed(key.model, key.version) {
                state.versions[key] = nil
            }
        }
    }

    // MARK: - Canaries

    /// Watches a canary from now on, or goes on watching it.
    public func watch(_ model: ModelName, canary: Int64, stable: Int64, rule: CanaryRule) {
        state.withLock { state in
            if let trial = state.trials[model], trial.canary == canary, trial.stable == stable, trial.rule == rule {
                return
            }
            state.trials[model] = Trial(rule: rule, canary: canary, stable: stable)
        }
    }

    /// Watches no canaries but these models'.
    public func keepTrials(of models: Set<ModelName>) {
        state.withLock { state in state.trials = state.trials.filter { models.contains($0.key) } }
    }

    /// What a watched canary's rule says now; nil where none is watched.
    public func judge(_ model: ModelName) -> (figures: CanaryFigures, verdict: CanaryVerdict)? {
        state.withLock { state in
            guard let trial = state.trials[model] else { return nil }
            func side(_ version: Int64) -> CanaryFigures.Side {
                CanaryFigures.Side(
                    accuracy: trial.labels[version]?.accuracy ?? Proportion(),
                    errors: trial.predictions[version]?.errors ?? Proportion()
                )
            }
            var figures = CanaryFigures(canary: side(trial.canary), stable: side(trial.stable))
            if let reference = state.trialReference(of: model), let seen = trial.predictions[trial.canary] {
                figures.drift = DriftScores(seen, from: reference)?.largest
            }
            return (figures, trial.rule.judge(figures))
        }
    }
}

extension QualityBoard.Trial {
    func concerns(_ version: Int64) -> Bool { version == canary || version == stable }
}

extension QualityBoard.State {
    /// The series that a key counts in: its own, as far as there is room, and its version's.
    func keys(_ key: QualityKey) -> [QualityKey] {
        let all = QualityKey(tenant: nil, model: key.model, version: key.version)
        return series[key] != nil || series.count < QualityBoard.maxSeries ? [all, key] : [all]
    }

    /// The reference of a version, to which the samples may have made up.
    mutating func gather(_ samples: [PredictionSample], _ key: QualityBoard.VersionKey) -> ReferenceProfile? {
        var version = versions.removeValue(forKey: key) ?? QualityBoard.Version()
        defer { versions[key] = version }
        if let reference = version.reference { return reference }
        version.gathered += samples.prefix(ReferenceProfile.sampleSize - version.gathered.count)
        if version.gathered.count == ReferenceProfile.sampleSize {
            version.reference = ReferenceProfile(version.gathered)
            version.gathered = []
        }
        // These made it: they are not compared with it.
        return nil
    }

    /// The canary's own where its file has one, else what the stable version's is.
    func trialReference(of model: ModelName) -> ReferenceProfile? {
        guard let trial = trials[model] else { return nil }
        let own = versions[QualityBoard.VersionKey(model: model, version: trial.canary)]
        if let own, own.isOfFile { return own.reference }
        return versions[QualityBoard.VersionKey(model: model, version: trial.stable)]?.reference
    }
}
