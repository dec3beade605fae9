// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// A request for an ``InferencePool`` and who is to hear of its end.
public struct InferenceJob: Sendable {
    /// Who pays, and shares the queue with the others.
    public let tenant: TenantID
    /// The model to run.
    public let model: Model
    /// What it runs on.
    public let request: PredictRequest
    /// Called once, on a thread of the pool; it must not block.
    public let completion: @Sendable (Result<PredictResponse, InferenceError>) -> Void

    /// A job of a tenant.
    public init(
        tenant: TenantID,
        model: Model,
        request: PredictRequest,
        completion: @escaping @Sendable (Result<PredictResponse, InferenceError>) -> Void
    ) {
        self.tenant = tenant
        self.model = model
        self.request = request
        self.completion = completion
    }
}
