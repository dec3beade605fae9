// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Inference
import Quality
import Synchronization
import Telemetry

/// What came of a call with labels.
struct FeedbackResult: Sendable {
    /// In the call's order: the id as it was sent, and what came of it.
    let outcomes: [(id: String, outcome: LabelOutcome)]

    /// How many of each kind.
    var counts: JSON {
        let names = ["accepted", "repeated", "conflicting", "unknown", "invalid"]
        return .object(
            names.map { name in
                JSON.Member(name, .integer(Int64(outcomes.count { $0.outcome.name == name })))
            }
        )
    }

    var json: JSON {
        let list = outcomes.map { one -> JSON in
            var members = [
                JSON.Member("request_id", .string(one.id)), JSON.Member("result", .string(one.outcome.name)),
            ]
            switch one.outcome {
            case .wrongCount(let count):
                members.append(JSON.Member("reason", .string("the request has \(count) instances; as many labels")))
            case .noClass(let classes):
                members.append(JSON.Member("reason", .string("a class is a whole number from 0 to \(classes - 1)")))
            case .accepted, .repeated, .conflicting, .unknown: break
            }
            return .object(members)
        }
        guard case .object(let counts) = counts else { return .null }
        return .object(counts + [JSON.Member("labels", .array(list))])
    }
}

extension Services {
    /// Joins labels to a tenant's predictions. Not to be called on a loop.
    func label(
        _ body: FeedbackBody,
        tenant: TenantID,
        model: ModelName,
        version: Int64?
    ) -> FeedbackResult {
        let asked = body.items
        let found = SharedOutcomes(count: asked.count)
        // Which loop answered a request is not to be seen from its id.
        served.onEachLoop { loop in
            var outcomes: [(Int, LabelOutcome)] = []
            for (place, item) in asked.enumerated() {
                guard let id = item.id else { continue }
                let outcome = loop.predictions.log.label(
                    id,
                    tenant: tenant,
                    model: model,
                    version: version,
                    labels: item.labels
                )
                if outcome != .unknown { outcomes.append((place, outcome)) }
            }
            let known = outcomes
            found.all.withLock { all in for (place, outcome) in known { all[place] = outcome } }
        }
        let outcomes = found.all.withLock { $0 }
        let now = time.now()
        for outcome in outcomes {
            metrics.feedback.with(labels: [outcome.name]).increment(shard: metrics.otherShard)
            guard case .accepted(let key, let labelled) = outcome else { continue }
            quality.add(labelled, to: key, at: now)
            for one in labelled {
                let result = one.category.map { Double($0) == one.label ? "right" : "wrong" } ?? "value"
                metrics.modelLabels.with(labels: [key.model.description, String(key.version), result])
                    .increment(shard: metrics.otherShard)
            }
        }
        return FeedbackResult(outcomes: zip(asked, outcomes).map { ($0.text, $1) })
    }

    /// Takes in what the event loops saw since the last time. Not to be called on one.
    func collectQuality() {
        let loaded = models.list().compactMap(\.model)
        for model in loaded {
            if let reference = model.reference {
                quality.setReference(reference, model: model.name, version: model.version)
            }
        }
        let parts = SharedDeltas()
        served.onEachLoop { loop in
            let part = loop.predictions.log.collect()
            parts.all.withLock { $0 += part }
        }
        let now = time.now()
        for part in parts.all.withLock({ $0 }) { quality.add(part.delta, to: part.key, at: now) }
        quality.forgetSamples { name, version in loaded.contains { $0.name == name && $0.version == version } }
    }

    /// Forgets what nobody asks for any more.
    func forgetQuality(now: UnixTime) {
        let loaded = models.list().compactMap(\.model)
        quality.forget(now: now) { name, version in loaded.contains { $0.name == name && $0.version == version } }
    }
}

/// Where the loops leave what they know.
private final class SharedOutcomes: Sendable {
    let all: Mutex<[LabelOutcome]>

    init(count: Int) { all = Mutex(Array(repeating: .unknown, count: count)) }
}

private final class SharedDeltas: Sendable {
    let all = Mutex<[(key: QualityKey, delta: SketchDelta)]>([])
}
