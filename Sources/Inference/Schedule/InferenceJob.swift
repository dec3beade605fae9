// SPDX-License-Identifier: Apache-2.0

/// A request for an ``InferencePool`` and who is to hear of its end.
public struct InferenceJob: Sendable {
    /// Who pays, and shares the queue with the others.
    public let share: TenantShare
    /// The model to run.
    public let model: Model
    /// What it runs on.
    public let request: PredictRequest
    /// When nobody waits for it any more, in nanoseconds of the pool's monotonic clock; `.max` for never.
    public let deadline: Int64
    /// Called once, on a thread of the pool, unless the job was withdrawn; it must not block.
    public let completion: @Sendable (_ result: Result<PredictResponse, InferenceError>) -> Void

    /// A job of a tenant.
    public init(
        share: TenantShare,
        model: Model,
        request: PredictRequest,
        deadline: Int64 = .max,
        completion: @escaping @Sendable (_ result: Result<PredictResponse, InferenceError>) -> Void
    ) {
        self.share = share
        self.model = model
        self.request = request
        self.deadline = deadline
        self.completion = completion
    }
}

extension FairQueue.Work {
    /// What a request asks of a model, by what the model was measured to cost.
    init(_ request: PredictRequest, _ model: Model) {
        let cost = model.measuredCost
        let alone = cost.nanoseconds(instances: request.count)
        self.init(
            lane: ObjectIdentifier(model),
            instances: request.count,
            cost: alone,
            added: model.gainsFromBatches ? cost.nanoseconds(adding: request.count) : alone
        )
    }
}
