// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

// The way of an event loop: requests are read as they come, into memory that the worker keeps, and those of one turn run
// together at its end. In the steady state nothing is allocated for a model of one input and one output.
extension InferenceWorker {
    /// Reads a predict body, as ``PredictRequest/parse(body:signature:maxInstances:)`` does, and lets it wait for
    /// ``run(_:)``.
    ///
    /// - Parameters:
    ///   - claim: whose it is, and how long it is wanted.
    ///   - ticket: comes back with the answer.
    /// - Returns: what waits, or the refusal of a body of which nothing waits. A model that has a fixed answer refuses.
    public func parse(
        body: UnsafeRawBufferPointer,
        model: Model,
        claim: Claim = Claim(),
        ticket: UInt64,
        maxInstances: Int = 1024,
        isLenient: Bool = false
    ) -> Result<PendingRequest, Refusal> {
        guard model.fixedAnswer == nil else {
            return .failure(Refusal(.fieldInvalid, "model '\(model.name)' has a fixed answer and infers nothing"))
        }
        do throws(Refusal) {
            let batch = batch(of: model)
            let pending = try batch.parse(
                body,
                claim,
                ticket: ticket,
                maxInstances: maxInstances,
                isLenient: isLenient
            )
            firstDeadline = min(firstDeadline, claim.deadline)
            return .success(pending)
        } catch {
            return .failure(error)
        }
    }

    /// Lets a request wait for ``run(_:)`` that was read already.
    ///
    /// - Parameters:
    ///   - claim: whose it is, and how long it is wanted.
    ///   - ticket: comes back with the answer.
    /// - Returns: a refusal when the inputs are not the model's.
    public func wait(
        for request: PredictRequest,
        model: Model,
        claim: Claim = Claim(),
        ticket: UInt64
    ) -> Refusal? {
        if let fault = request.mismatch(with: model.signature) { return fault.refusal }
        _ = batch(of: model).add(request, claim, ticket: ticket)
        firstDeadline = min(firstDeadline, claim.deadline)
        return nil
    }

    /// Takes back the request that was read last for that model, as one that can run elsewhere.
    ///
    /// - Returns: nil when none waits whose inference has not begun.
    public func withdraw(from model: Model) -> PredictRequest? {
        batches.first { $0.model === model }?.withdraw()
    }

    /// Whether a request waits.
    public var hasWaiting: Bool { backlog.count > 0 || hasBatches }

    var hasBatches: Bool { batches.contains { !$0.waiting.isEmpty } }

    /// Runs all that waits, model by model in the order in which they were first asked for, and gives each request its
    /// answer.
    ///
    /// Where all of it would take longer than ``QueueLimits/turnNanoseconds``, the tenants' shares say what runs now; the
    /// rest waits for the next call, see `runBacklog`.
    ///
    /// A fault of one inference is the answer of the requests in it alone. Requests that are read while answers are given
    /// run too, before this returns, unless there is a rest; a call from within one does nothing.
    ///
    /// - Parameters:
    ///   - isWanted: whether someone still waits for the answer; asked of requests that waited for more than their turn.
    ///   - kept: called for each request that is put behind others, for this call or a later one.
    ///   - answer: called once for each request that is wanted, in the order of their reading where there is no rest.
    public func run(
        isWanted: (_ ticket: UInt64) -> Bool = { _ in true },
        kept: (_ ticket: UInt64) -> Void = { _ in },
        _ answer: (_ ticket: UInt64, Result<BatchAnswer, InferenceError>) -> Void
    ) {
        if isRunning { return }
        isRunning = true
        defer { isRunning = false }
        while hasWaiting {
            if !fitsTurn {
                runBacklog(isWanted, kept, answer)
                break
            }
            firstDeadline = .max
            // By index: a model may be asked for the first time meanwhile.
            var index = 0
            while index < batches.count {
                if !batches[index].waiting.isEmpty { run(batches[index], answer) }
                index += 1
            }
        }
        if batches.contains(where: \.isRetired) {
            for batch in batches where batch.isRetired { giveBack(batch.model) }
            batches.removeAll(where: \.isRetired)
        }
    }

    /// Whether all that waits can run now, as it lies.
    private var fitsTurn: Bool {
        if backlog.count > 0 || hasAbandoned { return false }
        if firstDeadline != .max, firstDeadline <= time.monotonic() { return false }
        var nanoseconds: Int64 = 0
        for batch in batches { nanoseconds += batch.nanoseconds }
        return nanoseconds <= limits.turnNanoseconds
    }

    private func run(_ batch: ModelBatch, _ answer: (UInt64, Result<BatchAnswer, InferenceError>) -> Void) {
        var start = 0
        while start < batch.waiting.count {
            let (end, count) = batch.begin(from: start)
            if let layout = batch.model.rowLayout {
                runRows(batch, start..<end, count: count, layout, answer)
            } else {
                runTensors(batch, start..<end, answer)
            }
            start = end
        }
        batch.removeAll()
    }

    private func runRows(
        _ batch: ModelBatch,
        _ range: Range<Int>,
        count: Int,
        _ layout: RowLayout,
        _ answer: (UInt64, Result<BatchAnswer, InferenceError>) -> Void
    ) {
        let before = time.monotonic()
        let results: UnsafeRawBufferPointer
        do throws(InferenceError) {
            results = try batch.infer(from: range.lowerBound, count: count, session(of: batch.model), layout)
        } catch {
            for index in range { answer(batch.waiting[index].ticket, .failure(error)) }
            return
        }
        let nanoseconds = time.monotonic() - before
        batch.model.ran(instances: count, nanoseconds: nanoseconds)
        var from = 0
        for index in range {
            let waiting = batch.waiting[index]
            let to = from + waiting.pending.count * layout.outputBytes
            let rows = UnsafeRawBufferPointer(rebasing: results[from..<to])
            from = to
            do throws(InferenceError) {
                let success = try BatchAnswer(
                    model: batch.model,
                    rows: rows,
                    input: batch.inputRows(of: waiting, layout),
                    pending: waiting.pending,
                    nanoseconds: nanoseconds,
                    batchSize: count,
                    isFirst: index == range.lowerBound
                )
                answer(waiting.ticket, .success(success))
            } catch {
                answer(waiting.ticket, .failure(error))
            }
        }
    }

    private func runTensors(
        _ batch: ModelBatch,
        _ range: Range<Int>,
        _ answer: (UInt64, Result<BatchAnswer, InferenceError>) -> Void
    ) {
        let waiting = batch.waiting[range]
        let results = predict(waiting.compactMap(\.request), on: batch.model)
        for (waiting, result) in zip(waiting, results) {
            answer(waiting.ticket, result.map { BatchAnswer($0) })
        }
    }

    private func batch(of model: Model) -> ModelBatch {
        for batch in batches where batch.model === model { return batch }
        let batch = ModelBatch(model)
        batches.append(batch)
        return batch
    }
}
