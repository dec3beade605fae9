// SPDX-License-Identifier: Apache-2.0

import GatewayCore

extension ReasonCode {
    /// The status that goes with the reason, in the one place where reasons become HTTP.
    var status: Int {
        switch self {
        case .ok: 200
        case .credentialMissing, .tokenMalformed, .tokenTooLarge, .tokenAlgorithm, .tokenKeyUnknown,
            .tokenSignature, .tokenClaims, .tokenExpired, .tokenNotYetValid, .tokenAudience, .tokenIssuer,
            .tokenRevoked,
            .tokenDoorsDisagree, .keyInvalid, .keyRevoked, .keyExpired, .tenantDisabled:
            401
        case .scopeMissing, .roleForbidden, .addressForbidden: 403
        case .modelNotFound, .versionNotFound, .routeNotFound, .notFound: 404
        case .methodNotAllowed: 405
        case .requestTimeout, .headerTimeout, .bodyTooSlow: 408
        case .conflict: 409
        case .recordPruned: 410
        case .preconditionFailed: 412
        case .bodyTooLarge: 413
        case .mediaTypeUnsupported: 415
        case .expectationFailed: 417
        case .rateExceeded, .quotaExceeded, .concurrencyExceeded, .queueFull, .deadlineUnattainable, .pipelineTooDeep,
            .tenantConnections:
            429
        case .configurationInvalid, .idempotencyKeyReused: 422
        case .headersTooLarge: 431
        case .clientClosed: 499
        case .credentialMalformed, .requestMalformed, .lengthInvalid, .jsonMalformed, .fieldMissing, .fieldInvalid,
            .instancesEmpty, .tooManyInstances, .shapeMismatch, .typeMismatch, .numberInvalid, .grantUnsupported,
            .scopeInvalid, .tokenForeign, .tokenTypeUnsupported:
            400
        case .inferenceFailed, .internalError: 500
        case .modelUnavailable, .auditUnavailable, .storageUnavailable, .checkpointPending, .issuerUnavailable,
            .draining, .connections, .sourceConnections, .descriptors, .handshakes:
            503
        case .processingTimeout, .deadlineExceeded: 504
        }
    }
}
