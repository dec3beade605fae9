// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// A request of an earlier turn, or of one that brought more than it could run.
struct BackloggedRequest {
    let ticket: UInt64
    let model: Model
    let request: PredictRequest
    let claim: Claim

    var share: TenantShare { claim.share }
}

// When more waits than a turn may take, a loop does as the pool does: who has little to do must not wait for all that
// another one sent.
extension InferenceWorker {
    /// Runs as much as a turn may take, by the tenants' shares.
    ///
    /// What the turn brought goes behind what its tenants have waiting; what finds no room there is answered
    /// `queue_full`, and what is too late `deadline_exceeded`. Who is gone is passed over in silence.
    func runBacklog(
        _ isWanted: (UInt64) -> Bool,
        _ kept: (UInt64) -> Void,
        _ answer: (UInt64, Result<BatchAnswer, InferenceError>) -> Void
    ) {
        let start = time.monotonic()
        keepBatches(isWanted, kept, answer)
        var spent: Int64 = 0
        while spent < limits.turnNanoseconds, backlog.count > 0 {
            let now = start + spent
            backlogged.removeAll(keepingCapacity: true)
            backlog.takeBatch(limits.within(limits.turnNanoseconds - spent), &backlogged) { request in
                guard isWanted(request.ticket) else { return false }
                if request.claim.deadline > now { return true }
                answer(request.ticket, .failure(.late))
                return false
            }
            guard let model = backlogged.first?.model else { break }
            let results = predict(backlogged.map(\.request), on: model)
            for (request, result) in zip(backlogged, results) { answer(request.ticket, result.map { BatchAnswer($0) }) }
            spent = time.monotonic() - start
        }
        backlogged.removeAll(keepingCapacity: true)
    }

    private func keepBatches(
        _ isWanted: (UInt64) -> Bool,
        _ kept: (UInt64) -> Void,
        _ answer: (UInt64, Result<BatchAnswer, InferenceError>) -> Void
    ) {
        firstDeadline = .max
        hasAbandoned = false
        for batch in batches where !batch.waiting.isEmpty {
            // By index: an answer may bring another request.
            var index = 0
            while index < batch.waiting.count {
                let waiting = batch.waiting[index]
                index += 1
                guard isWanted(waiting.ticket) else { continue }
                if let refusal = backlog.refusal(waiting.claim.share, limits, workers: 1) {
                    answer(waiting.ticket, .failure(refusal))
                    continue
                }
                let request = batch.request(of: waiting)
                _ = backlog.append(
                    BackloggedRequest(
                        ticket: waiting.ticket,
                        model: batch.model,
                        request: request,
                        claim: waiting.claim
                    ),
                    FairQueue.Work(request, batch.model),
                    of: waiting.claim.share
                )
                kept(waiting.ticket)
            }
            batch.removeAll()
        }
    }

    /// Someone who waits may be gone.
    public func noteAbandoned() { hasAbandoned = true }

    /// When the work of a tenant, with more behind it, cannot be done in time on this loop.
    public func refusal(of claim: Claim, adding count: Int, on model: Model) -> InferenceError? {
        guard claim.deadline != .max else { return nil }
        return backlog.refusal(
            claim.share,
            deadline: claim.deadline,
            now: time.monotonic(),
            cost: model.measuredCost.nanoseconds(instances: count),
            workers: 1
        )
    }
}
