// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

// The way of an event loop: requests are read as they come, into memory that the worker keeps, and those of one turn run
// together at its end. In the steady state nothing is allocated for a model of one input and one output.
extension InferenceWorker {
    /// Reads a predict body, as ``PredictRequest/parse(body:signature:maxInstances:)`` does, and lets it wait for
    /// ``run(_:)``.
    ///
    /// - Parameter ticket: comes back with the answer.
    /// - Returns: what waits, or the refusal of a body of which nothing waits. A model that has a fixed answer refuses.
    public func parse(
        body: UnsafeRawBufferPointer,
        model: Model,
        ticket: UInt64,
        maxInstances: Int = 1024,
        isLenient: Bool = false
    ) -> Result<PendingRequest, Refusal> {
        guard model.fixedAnswer == nil else {
            return .failure(Refusal(.fieldInvalid, "model '\(model.name)' has a fixed answer and infers nothing"))
        }
        do throws(Refusal) {
            let batch = batch(of: model)
            return .success(
                try batch.parse(body, ticket: ticket, maxInstances: maxInstances, isLenient: isLenient)
            )
        } catch {
            return .failure(error)
        }
    }

    /// Lets a request wait for ``run(_:)`` that was read already.
    ///
    /// - Parameter ticket: comes back with the answer.
    /// - Returns: a refusal when the inputs are not the model's.
    public func wait(for request: PredictRequest, model: Model, ticket: UInt64) -> Refusal? {
        if let fault = request.mismatch(with: model.signature) { return fault.refusal }
        _ = batch(of: model).add(request, ticket: ticket)
        return nil
    }

    /// Takes back the request that was read last for that model, as one that can run elsewhere.
    ///
    /// - Returns: nil when none waits whose inference has not begun.
    public func withdraw(from model: Model) -> PredictRequest? {
        batches.first { $0.model === model }?.withdraw()
    }

    /// Whether a request waits.
    public var hasWaiting: Bool { batches.contains { !$0.waiting.isEmpty } }

    /// Runs all that waits, model by model in the order in which they were first asked for, and gives each request its
    /// answer.
    ///
    /// A fault of one inference is the answer of the requests in it alone. Requests that are read while answers are given
    /// run too, before this returns; a call from within one does nothing.
    ///
    /// - Parameter answer: called once for each request, in the order of their reading.
    public func run(_ answer: (_ ticket: UInt64, Result<BatchAnswer, InferenceError>) -> Void) {
        if isRunning { return }
        isRunning = true
        defer { isRunning = false }
        while hasWaiting {
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
        var lastTime: Int64?
        for (waiting, result) in zip(waiting, results) {
            switch result {
            case .failure(let error): answer(waiting.ticket, .failure(error))
            case .success(let response):
                answer(waiting.ticket, .success(BatchAnswer(response, isFirst: response.nanoseconds != lastTime)))
                lastTime = response.nanoseconds
            }
        }
    }

    private func batch(of model: Model) -> ModelBatch {
        for batch in batches where batch.model === model { return batch }
        let batch = ModelBatch(model)
        batches.append(batch)
        return batch
    }
}
