// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

extension PredictRequest {
    /// Reads a predict body of TensorFlow Serving's REST API, in row or column form, strictly.
    ///
    /// Stricter than TensorFlow Serving: trailing bytes, duplicate names, NaN and Infinity and numbers beyond the
    /// element type are refused. Numbers are rounded to 64 bits first. Unknown top-level names are passed over.
    ///
    /// - Parameters:
    ///   - body: UTF-8 JSON.
    ///   - maxInstances: the most instances a request may hold.
    ///   - isLenient: reads as TensorFlow Serving does: of names that repeat the first counts, bytes behind the document
    ///     are passed over, NaN and Infinity are numbers, and numbers beyond the element type are infinite.
    /// - Returns: the request, or a refusal that names the place of the first fault: `json_malformed`,
    ///   `field_missing`, `field_invalid`, `instances_empty`, `instances_too_many`, `shape_mismatch`,
    ///   `type_mismatch` or `number_invalid`.
    public static func parse(
        body: UnsafeRawBufferPointer,
        signature: ModelSignature,
        maxInstances: Int = 1024,
        isLenient: Bool = false
    ) -> Result<PredictRequest, Refusal> {
        body.withMemoryRebound(to: UInt8.self) { bytes in
            var parser = PredictParser(bytes, signature: signature, maxInstances: maxInstances, isLenient: isLenient)
            do throws(Refusal) {
                let form = try parser.request()
                let request =
                    signature.isBatched
                    ? PredictRequest(inputs: parser.inputs, form: form, allowsNonFinite: isLenient)
                    : PredictRequest(whole: parser.inputs, form: form, allowsNonFinite: isLenient)
                return .success(request)
            } catch {
                return .failure(error)
            }
        }
    }
}
