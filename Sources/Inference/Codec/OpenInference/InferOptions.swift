// SPDX-License-Identifier: Apache-2.0

/// What an infer request of the Open Inference Protocol V2 asks of its answer.
///
/// An object, so that whoever carries it until the answer is there carries one word.
public final class InferOptions: Sendable {
    /// To be sent back; nil when the request has none.
    public let id: String?
    /// In the order of the answer.
    let outputs: [RequestedOutput]
    /// NaN and infinite numbers may stand in JSON, as Python writes them.
    let isLenient: Bool
    /// How long the client waits, from the request on; nil where it does not say.
    public let timeoutMicroseconds: Int?

    init(id: String?, outputs: [RequestedOutput], isLenient: Bool, timeoutMicroseconds: Int? = nil) {
        self.id = id
        self.outputs = outputs
        self.isLenient = isLenient
        self.timeoutMicroseconds = timeoutMicroseconds
    }
}

/// One output as a request asks for it.
struct RequestedOutput: Sendable {
    /// Among the signature's.
    let index: Int
    /// As bytes behind the JSON (the extension `binary_tensor_data`).
    var isBinary = false
    /// How many of the largest elements to name in place of the tensor (the extension `classification`); 0 for the tensor.
    var classes = 0
}

/// An infer request as it was read.
public struct InferRequest: Sendable {
    /// What to run.
    public let request: PredictRequest
    /// How to answer.
    public let options: InferOptions
}
