// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// A model that cannot be loaded or an inference that cannot be answered.
public struct InferenceError: Error, Hashable, Sendable {
    /// What kind of failure it is.
    public enum Code: Hashable, Sendable {
        /// The version's files are missing, ambiguous or cannot be read.
        case filesUnreadable
        /// The engine does not accept the model's content.
        case modelInvalid
        /// The model is sound but asks for something that is not served, such as string tensors.
        case modelUnsupported
        /// The version's files are not those of its manifest.
        case manifestMismatch
        /// The version's manifest is not signed by a key that is believed.
        case signatureInvalid
        /// The version does not answer its golden requests as it must.
        case verificationFailed
        /// There is no such model or version in the folder.
        case versionMissing
        /// What was asked would take away what takes traffic.
        case inService
        /// The engine failed while it ran.
        case engineFailed
        /// An output is NaN or infinite, which JSON cannot say.
        case outputNotFinite
        /// A request does not have the model's inputs.
        case inputInvalid
        /// The gateway is ending or has no place for the work.
        case unavailable(ReasonCode)
    }

    /// What kind of failure it is.
    public var code: Code
    /// For anyone: what failed and what to do; no path of this machine.
    public var sentence: String
    /// For the operator.
    public var detail: String
    /// Whole seconds until it is worth another try; nil where that is not known.
    public var retryAfter: Int?

    init(_ code: Code, _ sentence: String, detail: String = "", retryAfter: Int? = nil) {
        self.code = code
        self.sentence = sentence
        self.detail = detail
        self.retryAfter = retryAfter
    }

    /// Whether the model failed: not the caller, who may send what he likes, and not for want of room or time.
    public var isModels: Bool {
        switch code {
        case .inputInvalid, .unavailable, .versionMissing, .inService: false
        case .filesUnreadable, .modelInvalid, .modelUnsupported, .manifestMismatch, .signatureInvalid,
            .verificationFailed, .engineFailed, .outputNotFinite:
            true
        }
    }

    /// The answer to the request that met this failure.
    public var refusal: Refusal {
        switch code {
        case .filesUnreadable, .modelInvalid, .modelUnsupported, .manifestMismatch, .signatureInvalid,
            .verificationFailed:
            Refusal(.modelUnavailable, sentence, detail: detail, retryAfter: 5)
        case .engineFailed, .outputNotFinite: Refusal(.inferenceFailed, sentence, detail: detail)
        case .versionMissing: Refusal(.versionNotFound, sentence, detail: detail)
        case .inService: Refusal(.conflict, sentence, detail: detail)
        case .inputInvalid: Refusal(.shapeMismatch, sentence, detail: detail)
        case .unavailable(let reason): Refusal(reason, sentence, detail: detail, retryAfter: retryAfter)
        }
    }
}
