// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// The requests that wait for one model in one turn of an event loop.
///
/// For a model with a ``RowLayout`` their values stand behind one another in memory that is used again in every turn;
/// for others each request keeps its own.
final class ModelBatch {
    let model: Model
    /// nil for a model without a row layout.
    private let rows: TensorReader?
    private(set) var waiting: [Waiting] = []
    /// Of all requests that wait.
    private(set) var instances = 0
    /// Requests whose inference has begun.
    private var begun = 0
    private var results = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    /// The model was replaced: the batch ends with what waits.
    var isRetired = false

    struct Waiting {
        let ticket: UInt64
        let pending: PendingRequest
        /// The first instance among the rows.
        let offset: Int
        /// For a model without a row layout.
        let request: PredictRequest?
        let claim: Claim
    }

    /// Memory that is kept from turn to turn: many small images, no more than a few large ones.
    static let keptBytes = 1 << 20

    init(_ model: Model) {
        self.model = model
        rows = model.rowLayout == nil ? nil : TensorReader(model.signature.inputs[0])
    }

    deinit { results.deallocate() }

    /// Reads a body and lets it wait; a refused one leaves nothing behind.
    func parse(
        _ body: UnsafeRawBufferPointer,
        _ claim: Claim,
        ticket: UInt64,
        maxInstances: Int,
        isLenient: Bool
    ) throws(Refusal) -> PendingRequest {
        guard let rows, let layout = model.rowLayout else {
            let request = try PredictRequest.parse(
                body: body,
                signature: model.signature,
                maxInstances: maxInstances,
                isLenient: isLenient
            ).get()
            return add(request, claim, ticket: ticket)
        }
        let end = rows.parser.memory.count
        rows.parser.truncate(to: end)
        let offset = end / layout.inputBytes
        var parser = PredictParser(
            body.assumingMemoryBound(to: UInt8.self),
            signature: model.signature,
            maxInstances: maxInstances,
            isLenient: isLenient,
            reader: rows
        )
        do throws(Refusal) {
            let form = try parser.request()
            let pending = PendingRequest(count: rows.parser.count, form: form, allowsNonFinite: isLenient)
            append(Waiting(ticket: ticket, pending: pending, offset: offset, request: nil, claim: claim))
            return pending
        } catch {
            rows.parser.truncate(to: end)
            throw error
        }
    }

    /// Lets a request wait that was read elsewhere, and is one of the model's.
    func add(_ request: PredictRequest, _ claim: Claim, ticket: UInt64) -> PendingRequest {
        let pending = PendingRequest(request)
        guard let rows, let layout = model.rowLayout else {
            append(Waiting(ticket: ticket, pending: pending, offset: 0, request: request, claim: claim))
            return pending
        }
        let offset = rows.parser.memory.count / layout.inputBytes
        request.inputs[0].bytes.withUnsafeBytes { rows.parser.append($0) }
        append(Waiting(ticket: ticket, pending: pending, offset: offset, request: nil, claim: claim))
        return pending
    }

    private func append(_ request: Waiting) {
        waiting.append(request)
        instances += request.pending.count
    }

    /// What all that waits is expected to cost.
    var nanoseconds: Int64 { instances == 0 ? 0 : model.measuredCost.nanoseconds(instances: instances) }

    /// Takes back the request read last, unless its inference has begun.
    func withdraw() -> PredictRequest? {
        guard waiting.count > begun, let last = waiting.popLast() else { return nil }
        instances -= last.pending.count
        let request = request(of: last)
        if let rows, let layout = model.rowLayout { rows.parser.truncate(to: last.offset * layout.inputBytes) }
        return request
    }

    /// What waits, as one that can run elsewhere.
    func request(of waiting: Waiting) -> PredictRequest {
        if let request = waiting.request { return request }
        guard let rows, let layout = model.rowLayout else {
            preconditionFailure("a request without rows is kept whole")
        }
        return PredictRequest(
            inputs: [rows.parser.tensor(from: waiting.offset * layout.inputBytes, count: waiting.pending.count)],
            form: waiting.pending.form,
            allowsNonFinite: waiting.pending.allowsNonFinite
        )
    }

    /// Forgets all requests and keeps the memory.
    func removeAll() {
        waiting.removeAll(keepingCapacity: true)
        begun = 0
        instances = 0
        rows?.parser.removeAll(keeping: Self.keptBytes)
        if results.count > Self.keptBytes { room(for: 0) }
    }

    // MARK: - Running

    /// Begins with the requests from `start` to an end that share an inference: at most ``InferenceWorker/batchLimit``
    /// instances, or one request with more.
    func begin(from start: Int) -> (end: Int, count: Int) {
        var end = start
        var count = 0
        repeat {
            count += waiting[end].pending.count
            end += 1
        } while end < waiting.count && count + waiting[end].pending.count <= InferenceWorker.batchLimit
        begun = end
        return (end, count)
    }

    /// Infers `count` rows from a request's first on.
    ///
    /// - Returns: the rows of the output, until the next call.
    func infer(
        from first: Int,
        count: Int,
        _ session: ModelSession,
        _ layout: RowLayout
    ) throws(InferenceError) -> UnsafeRawBufferPointer {
        guard let rows else { preconditionFailure("only a model with a row layout is run by rows") }
        room(for: count * layout.outputBytes)
        let start = waiting[first].offset * layout.inputBytes
        let memory = rows.parser.memory
        let input = UnsafeRawBufferPointer(rebasing: memory[start..<start + count * layout.inputBytes])
        try session.run(rows: input, count: count, layout, into: results)
        return UnsafeRawBufferPointer(rebasing: results[..<(count * layout.outputBytes)])
    }

    /// What a request was inferred from, until another is read.
    func inputRows(of waiting: Waiting, _ layout: RowLayout) -> UnsafeRawBufferPointer {
        guard let rows else { preconditionFailure("only a model with a row layout has rows") }
        let start = waiting.offset * layout.inputBytes
        let memory = rows.parser.memory
        return UnsafeRawBufferPointer(rebasing: memory[start..<start + waiting.pending.count * layout.inputBytes])
    }

    private func room(for bytes: Int) {
        guard results.count < bytes || bytes == 0 else { return }
        results.deallocate()
        results = .allocate(byteCount: max(bytes, 64), alignment: 64)
    }
}

/// How instances of a model of one input and one output, all shapes known, lie behind one another.
struct RowLayout: Hashable, Sendable {
    /// Bytes of one instance of the input.
    let inputBytes: Int
    /// Bytes of one instance of the output.
    let outputBytes: Int
    /// Of the output, with a batch first that means nothing.
    let outputShape: [Int]
}
