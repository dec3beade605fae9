// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

extension InferRequest {
    /// Reads an infer body of the Open Inference Protocol V2: JSON, JSON with binary tensors behind it, or one raw tensor.
    ///
    /// Strictly, as ``PredictRequest/parse(body:signature:maxInstances:isLenient:)`` does; `data` may be flat or nested as
    /// the shape is.
    ///
    /// - Parameters:
    ///   - jsonBytes: what `Inference-Header-Content-Length` says: how much of the body is JSON; 0 for a raw tensor, nil
    ///     where all of it is JSON.
    ///   - maxInstances: the most instances a request may hold.
    ///   - isLenient: of names that repeat the first counts, bytes behind the document are passed over, NaN and Infinity
    ///     are numbers in both directions.
    /// - Returns: the request, or a refusal: `json_malformed`, `field_missing`, `field_invalid`, `instances_too_many`,
    ///   `shape_mismatch`, `type_mismatch`, `number_invalid` or `length_invalid`.
    public static func parse(
        body: UnsafeRawBufferPointer,
        jsonBytes: Int? = nil,
        model: ModelName,
        signature: ModelSignature,
        maxInstances: Int = 1024,
        isLenient: Bool = false
    ) -> Result<InferRequest, Refusal> {
        let length = jsonBytes ?? body.count
        do throws(Refusal) {
            guard length >= 0, length <= body.count else {
                throw Refusal(
                    .lengthInvalid,
                    "Inference-Header-Content-Length is \(length), but the body has \(body.count) bytes"
                )
            }
            if jsonBytes == 0 {
                let request = try BinaryTensor.raw(body, model, signature, maxInstances: maxInstances)
                let outputs = signature.outputs.indices.map { RequestedOutput(index: $0, isBinary: true) }
                return .success(
                    InferRequest(
                        request: request,
                        options: InferOptions(id: nil, outputs: outputs, isLenient: isLenient)
                    )
                )
            }
            let json = UnsafeRawBufferPointer(rebasing: body[..<length])
            var parser = InferParser(
                json.assumingMemoryBound(to: UInt8.self),
                binary: UnsafeRawBufferPointer(rebasing: body[length...]),
                model: model,
                signature: signature,
                maxInstances: maxInstances,
                isLenient: isLenient
            )
            return .success(try parser.request())
        } catch {
            return .failure(error)
        }
    }
}
