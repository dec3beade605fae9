// SPDX-License-Identifier: Apache-2.0

/// The answer to a request that waited in an ``InferenceWorker``.
///
/// It refers to the worker's memory: it must not outlive the call that it is given to.
public struct BatchAnswer {
    /// The model that answered.
    public let model: Model
    /// The form the answer takes: the request's.
    public let form: PredictRequest.Form
    /// Instances of this request.
    public let count: Int
    /// How long the whole batch took, in nanoseconds.
    public let nanoseconds: Int64
    /// How many instances ran in it, those of other requests included.
    public let batchSize: Int
    /// The first answer of its batch: what is counted once for each inference is counted here.
    public let isFirst: Bool

    private let content: Content

    private enum Content {
        /// The rows of this request, and those that they were inferred from.
        case rows(UnsafeRawBufferPointer, input: UnsafeRawBufferPointer)
        case response(PredictResponse)
    }

    /// - Throws: `output_not_finite` when a float in these rows is NaN or infinite, which JSON cannot say.
    init(
        model: Model,
        rows: UnsafeRawBufferPointer,
        input: UnsafeRawBufferPointer,
        pending: PendingRequest,
        nanoseconds: Int64,
        batchSize: Int,
        isFirst: Bool
    ) throws(InferenceError) {
        let output = model.signature.outputs[0]
        guard pending.allowsNonFinite || output.elementType.areFinite(rows) else {
            throw InferenceError(notFinite: output)
        }
        self.model = model
        form = pending.form
        count = pending.count
        self.nanoseconds = nanoseconds
        self.batchSize = batchSize
        self.isFirst = isFirst
        content = .rows(rows, input: input)
    }

    /// An answer that owns its outputs, and may outlive the call.
    public init(_ response: PredictResponse) {
        model = response.model
        form = response.form
        count = response.count
        nanoseconds = response.nanoseconds
        batchSize = response.batchSize
        isFirst = response.isFirst
        content = .response(response)
    }

    /// This request's share of the batch's nanoseconds, by instances.
    public var cost: Int64 { nanoseconds * Int64(count) / Int64(batchSize) }

    /// The rows of this request, copied, as tensors in the signature's order.
    public var outputs: [Tensor] {
        switch content {
        case .response(let response): response.outputs
        case .rows(let rows, _):
            [
                Tensor(
                    elementType: model.signature.outputs[0].elementType,
                    shape: [count] + (model.rowLayout?.outputShape.dropFirst() ?? []),
                    bytes: Array(rows)
                )
            ]
        }
    }

    /// The request that this answers, copied where it lies in the worker's memory.
    var request: PredictRequest {
        let inputs: [Tensor]
        switch content {
        case .response(let response): inputs = response.inputs
        case .rows(_, let input):
            let info = model.signature.inputs[0]
            inputs = [
                Tensor(elementType: info.elementType, shape: [count] + info.instanceShape, bytes: Array(input))
            ]
        }
        // NaN and infinite numbers are compared as well.
        return model.signature.isBatched
            ? PredictRequest(inputs: inputs, form: form, allowsNonFinite: true)
            : PredictRequest(whole: inputs, form: form, allowsNonFinite: true)
    }

    /// Bytes of the request and its answer, about.
    var byteCount: Int {
        switch content {
        case .rows(let rows, let input): rows.count + input.count
        case .response(let response): response.byteCount
        }
    }

    /// The row of an instance in the first output, and in the first input. Of a model with a batch, and fixed sizes.
    func withRow<Value>(
        _ instance: Int,
        _ body: (_ output: UnsafeRawBufferPointer, _ input: UnsafeRawBufferPointer) -> Value
    ) -> Value {
        func row(_ rows: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
            let size = rows.count / count
            return UnsafeRawBufferPointer(rebasing: rows[instance * size..<(instance + 1) * size])
        }
        switch content {
        case .rows(let rows, let input): return body(row(rows), row(input))
        case .response(let response):
            return response.withOutput { output in
                response.inputs[0].bytes.withUnsafeBytes { input in body(row(output), row(input)) }
            }
        }
    }

    /// Appends the body of TensorFlow Serving's answer; see ``PredictResponse/write(into:)``.
    public func write(into bytes: inout [UInt8]) {
        switch content {
        case .response(let response): response.write(into: &bytes)
        case .rows(let rows, _):
            guard let layout = model.rowLayout else { preconditionFailure("rows belong to a model with a row layout") }
            let outputs = model.signature.outputs
            let type = outputs[0].elementType
            TensorWriter.answer(into: &bytes, form, count: count, outputs: outputs) { writer, _, row in
                writer.value(rows, type, shape: layout.outputShape, instance: row)
            }
        }
    }
}

@available(*, unavailable)
extension BatchAnswer: Sendable {}
