// SPDX-License-Identifier: Apache-2.0

/// A step of the road saying no: a stable code, a sentence for the caller and a detail for the operator.
///
/// `sentence` goes out in the response; `detail` goes to the audit record and the log, never out. Neither may hold a
/// secret.
public struct Refusal: Error, Hashable, Sendable {
    public var code: ReasonCode
    public var sentence: String
    public var detail: String
    /// For limits and our own faults: when a retry is worth it, in whole seconds, at least 1.
    public var retryAfter: Int?

    public init(_ code: ReasonCode, _ sentence: String, detail: String = "", retryAfter: Int? = nil) {
        self.code = code
        self.sentence = sentence
        self.detail = detail
        self.retryAfter = retryAfter
    }
}
