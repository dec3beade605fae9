// SPDX-License-Identifier: Apache-2.0

/// The answer to one request: its rows of the batch it ran in.
public struct PredictResponse: Sendable {
    /// The form the answer takes: the request's.
    public let form: PredictRequest.Form
    /// Instances of this request.
    public let count: Int
    /// How long the whole batch took, in nanoseconds.
    public let nanoseconds: Int64
    /// How many instances ran in it, those of other requests included.
    public let batchSize: Int
    /// The model that answered.
    public let model: Model
    /// The first of its batch: what is counted once for each inference is counted here.
    public var isFirst: Bool { offset == 0 }

    /// The request's.
    let inputs: [Tensor]

    /// The outputs of the whole batch, shared by all its answers, in the signature's order.
    private let batch: [Tensor]
    /// Instances of the batch before this request's.
    private let offset: Int

    /// Cuts rows out of a batch.
    ///
    /// - Throws: `output_not_finite` when a float in these rows is NaN or infinite, which JSON cannot say.
    init(
        model: Model,
        inputs: [Tensor],
        batch: [Tensor],
        offset: Int,
        count: Int,
        form: PredictRequest.Form,
        allowsNonFinite: Bool,
        nanoseconds: Int64,
        batchSize: Int
    ) throws(InferenceError) {
        self.model = model
        self.inputs = inputs
        self.batch = batch
        self.offset = offset
        self.count = count
        self.form = form
        self.nanoseconds = nanoseconds
        self.batchSize = batchSize
        if allowsNonFinite { return }
        for (info, tensor) in zip(model.signature.outputs, batch) {
            let rows = model.signature.isBatched ? self.rows(of: tensor) : 0..<tensor.count
            let size = tensor.elementType.size
            let isFinite = tensor.bytes.withUnsafeBytes { memory in
                let rows = memory[rows.lowerBound * size..<rows.upperBound * size]
                return tensor.elementType.areFinite(UnsafeRawBufferPointer(rebasing: rows))
            }
            guard isFinite else { throw InferenceError(notFinite: info) }
        }
    }

    /// This request's share of the batch's nanoseconds, by instances.
    public var cost: Int64 { nanoseconds * Int64(count) / Int64(batchSize) }

    /// The rows of this request, or all there is where the model has no batch, as tensors in the signature's order.
    public var outputs: [Tensor] {
        if !model.signature.isBatched { return batch }
        return batch.map { tensor in
            let rows = rows(of: tensor)
            let size = tensor.elementType.size
            return Tensor(
                elementType: tensor.elementType,
                shape: [count] + tensor.shape.dropFirst(),
                bytes: Array(tensor.bytes[rows.lowerBound * size..<rows.upperBound * size])
            )
        }
    }

    /// Appends the body of TensorFlow Serving's answer: `{"predictions":…}` or `{"outputs":…}`, without spaces.
    ///
    /// A float is written in its shortest form that reads back the same, always with `.` or `e`.
    ///
    /// - Precondition: the request was a body of TensorFlow Serving's.
    public func write(into bytes: inout [UInt8]) {
        if !model.signature.isBatched { return TensorWriter.whole(into: &bytes, form, model.signature.outputs, batch) }
        TensorWriter.answer(into: &bytes, form, count: count, outputs: model.signature.outputs) { writer, output, row in
            writer.value(batch[output], instance: offset + row)
        }
    }

    /// Bytes of the inputs and of the batch's outputs.
    var byteCount: Int {
        inputs.reduce(0) { $0 + $1.bytes.count } + batch.reduce(0) { $0 + $1.bytes.count }
    }

    /// The rows of this request in the first output.
    func withOutput<Value>(_ body: (UnsafeRawBufferPointer) -> Value) -> Value {
        let rows = model.signature.isBatched ? rows(of: batch[0]) : 0..<batch[0].count
        let size = batch[0].elementType.size
        return batch[0].bytes.withUnsafeBytes { memory in
            body(UnsafeRawBufferPointer(rebasing: memory[rows.lowerBound * size..<rows.upperBound * size]))
        }
    }

    /// The elements of this request in a batch's tensor.
    private func rows(of tensor: Tensor) -> Range<Int> {
        let size = tensor.instanceCount
        return offset * size..<(offset + count) * size
    }
}
