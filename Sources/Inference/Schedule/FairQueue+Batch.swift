// SPDX-License-Identifier: Apache-2.0

/// What runs a model on what it is given, and can be joined by others of its model.
protocol BatchableWork {
    var model: Model { get }
    var share: TenantShare { get }
}

extension FairQueue where Element: BatchableWork {
    /// Takes what runs next: the one whose turn it is, and of those whose turn is then all that can join it, as long as
    /// the batch is expected to take no longer than the limits allow.
    ///
    /// The order is that of the single picks, so what holds for them holds for batches too.
    ///
    /// - Parameters:
    ///   - batch: is empty; stays so when nothing is left that is wanted.
    ///   - isWanted: what is not is dropped, and nobody pays for it.
    mutating func takeBatch(_ limits: QueueLimits, _ batch: inout [Element], isWanted: (Element) -> Bool) {
        var first: Work?
        while first == nil, let next = next() {
            guard isWanted(next.element) else {
                giveBack(next.work.cost, to: next.element.share)
                continue
            }
            batch.append(next.element)
            first = next.work
        }
        guard let first, batch[0].model.gainsFromBatches else { return }
        var instances = InferenceWorker.batchLimit - first.instances
        var nanoseconds = limits.batchNanoseconds - first.cost
        while let next = next(joining: first.lane, nanoseconds: nanoseconds, instances: instances) {
            guard isWanted(next.element) else {
                giveBack(next.work.added, to: next.element.share)
                continue
            }
            batch.append(next.element)
            instances -= next.work.instances
            nanoseconds -= next.work.added
        }
    }
}

extension InferenceJob: BatchableWork {}
extension BackloggedRequest: BatchableWork {}
