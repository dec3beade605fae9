// SPDX-License-Identifier: Apache-2.0

/// A step of the road saying no: a stable code, a sentence for the caller and a detail for the operator.
///
/// `sentence` goes out in the response; `detail` goes to the audit record and the log, never out. Neither may hold a
/// secret.
public struct Refusal: Error, Hashable, Sendable {
    /// What programs go by; the HTTP status follows from it.
    public var code: ReasonCode
    /// Whole, with its full stop; says what was wrong and, where it can, what to do.
    public var sentence: String
    /// Empty when there is nothing to add to the sentence.
    public var detail: String
    /// For limits and our own faults: when a retry is worth it, in whole seconds, at least 1.
    public var retryAfter: Int?

    /// Checks nothing, not even that `retryAfter` is at least 1.
    public init(_ code: ReasonCode, _ sentence: String, detail: String = "", retryAfter: Int? = nil) {
        self.code = code
        self.sentence = sentence
        self.detail = detail
        self.retryAfter = retryAfter
    }
}
