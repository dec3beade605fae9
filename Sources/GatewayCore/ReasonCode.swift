// SPDX-License-Identifier: Apache-2.0

/// Why a request was answered as it was: stable words for programs, one for each cause, in audit records, problem
/// documents and metrics alike.
public enum ReasonCode: String, CaseIterable, Sendable {
    case ok

    // The credential.
    case credentialMissing = "credential_missing"
    case credentialMalformed = "credential_malformed"
    case tokenMalformed = "token_malformed"
    case tokenTooLarge = "token_too_large"
    case tokenAlgorithm = "token_algorithm_not_allowed"
    case tokenKeyUnknown = "token_key_unknown"
    case tokenSignature = "token_signature_invalid"
    case tokenClaims = "token_claims_invalid"
    case tokenExpired = "token_expired"
    case tokenNotYetValid = "token_not_yet_valid"
    case tokenAudience = "token_audience_invalid"
    case tokenIssuer = "token_issuer_unknown"
    case tokenRevoked = "token_revoked"
    case tokenDoorsDisagree = "token_verifiers_disagree"
    case keyInvalid = "key_invalid"
    case keyRevoked = "key_revoked"
    case keyExpired = "key_expired"
    case tenantDisabled = "tenant_disabled"

    // What it may do.
    case scopeMissing = "scope_missing"
    case roleForbidden = "role_forbidden"
    case addressForbidden = "address_forbidden"
    case modelNotFound = "model_not_found"
    case versionNotFound = "version_not_found"

    // The request's form.
    case routeNotFound = "route_not_found"
    case methodNotAllowed = "method_not_allowed"
    case requestMalformed = "request_malformed"
    case headersTooLarge = "headers_too_large"
    case headerTimeout = "header_timeout"
    case requestTimeout = "request_timeout"
    case bodyTooSlow = "body_too_slow"
    case expectationFailed = "expectation_failed"
    case lengthInvalid = "length_invalid"
    case mediaTypeUnsupported = "media_type_unsupported"
    case bodyTooLarge = "body_too_large"
    case jsonMalformed = "json_malformed"
    case fieldMissing = "field_missing"
    case fieldInvalid = "field_invalid"
    case instancesEmpty = "instances_empty"
    case tooManyInstances = "instances_too_many"
    case shapeMismatch = "shape_mismatch"
    case typeMismatch = "type_mismatch"
    case numberInvalid = "number_invalid"
    case notFound = "not_found"
    case conflict = "conflict"
    case recordPruned = "record_pruned"
    case preconditionFailed = "precondition_failed"
    case idempotencyKeyReused = "idempotency_key_reused"
    case configurationInvalid = "configuration_invalid"
    case grantUnsupported = "grant_type_unsupported"
    case scopeInvalid = "scope_invalid"
    case tokenForeign = "token_of_another_client"
    case tokenTypeUnsupported = "token_type_unsupported"

    // The limits.
    case rateExceeded = "rate_exceeded"
    case quotaExceeded = "quota_exceeded"
    case concurrencyExceeded = "concurrency_exceeded"
    case queueFull = "queue_full"
    case deadlineUnattainable = "deadline_unattainable"
    case pipelineTooDeep = "pipeline_too_deep"
    case tenantConnections = "tenant_connections_exceeded"
    case connections = "connections_exceeded"
    case sourceConnections = "source_connections_exceeded"
    case handshakes = "handshakes_exceeded"
    case descriptors = "descriptors_exhausted"

    // Our own fault.
    case modelUnavailable = "model_unavailable"
    case inferenceFailed = "inference_failed"
    case auditUnavailable = "audit_unavailable"
    case storageUnavailable = "storage_unavailable"
    case checkpointPending = "checkpoint_pending"
    case issuerUnavailable = "issuer_unavailable"
    case processingTimeout = "processing_timeout"
    case deadlineExceeded = "deadline_exceeded"
    case draining
    case internalError = "internal_error"

    // The client went away before its answer.
    case clientClosed = "client_closed"
}
