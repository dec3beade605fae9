// SPDX-License-Identifier: Apache-2.0

/// What a request that waits in an ``InferenceWorker`` asks for.
public struct PendingRequest: Hashable, Sendable {
    /// Instances, at least 1.
    public let count: Int
    /// The form of the answer.
    public let form: PredictRequest.Form
    /// Whether the answer may hold NaN and infinite numbers.
    public let allowsNonFinite: Bool
}

extension PendingRequest {
    init(_ request: PredictRequest) {
        self.init(count: request.count, form: request.form, allowsNonFinite: request.allowsNonFinite)
    }
}
