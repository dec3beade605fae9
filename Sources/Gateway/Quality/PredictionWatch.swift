// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Inference
import Quality

/// One event loop's hook on its answers: it remembers what was predicted for whom.
///
/// Called for each answer; in the steady state it allocates nothing.
final class PredictionWatch {
    private struct Key: Hashable {
        let tenant: ObjectIdentifier
        let model: ObjectIdentifier
    }

    // The objects are held, so that no other comes to lie at the same place.
    private struct Entry {
        let key: Key
        let tenant: TenantContext
        let model: Model
        /// nil for a model without a task, and where there are too many.
        let series: Int?
    }

    let log: PredictionLog
    private var entries: [Key: Entry] = [:]
    /// Most answers are like the one before.
    private var last: Entry?
    private var replaced = 0

    /// - Parameter capacity: instances that are remembered.
    init(capacity: Int) { log = PredictionLog(capacity: capacity) }

    /// A request was answered.
    func note(_ answer: BatchAnswer, to request: RequestID, of tenant: TenantContext) {
        guard let series = series(answer.model, tenant) else { return }
        log.record(
            request,
            series: series,
            count: answer.count,
            { answer.prediction(of: $0) },
            input: { answer.inputMoments(of: $0) }
        )
    }

    /// A request's inference failed.
    func noteFailure(of model: Model, for tenant: TenantContext) {
        if let series = series(model, tenant) { log.recordFailure(series: series) }
    }

    /// Models were swapped: those that are gone are held no longer.
    func forgetModels() {
        entries.removeAll()
        last = nil
    }

    private func series(_ model: Model, _ tenant: TenantContext) -> Int? {
        let key = Key(tenant: ObjectIdentifier(tenant), model: ObjectIdentifier(model))
        if let last, last.key == key { return last.series }
        if let known = entries[key] {
            last = known
            return known.series
        }
        let series = model.task.flatMap { task in
            log.series(of: QualityKey(tenant: tenant.id, model: model.name, version: model.version), task: task)
        }
        if log.replaced != replaced {
            replaced = log.replaced
            forgetModels()
        }
        let entry = Entry(key: key, tenant: tenant, model: model, series: series)
        entries[key] = entry
        last = entry
        return series
    }
}

@available(*, unavailable)
extension PredictionWatch: Sendable {}
