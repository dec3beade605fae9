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
        case .scopeMissing, .roleForbidden: 403
        case .modelNotFound, .versionNotFound, .routeNotFound, .notFound: 404
        case .methodNotAllowed: 405
        case .requestTimeout: 408
        case .conflict: 409
        case .bodyTooLarge: 413
        case .mediaTypeUnsupported: 415
        case .expectationFailed: 417
        case .rateExceeded, .quotaExceeded, .concurrencyExceeded, .queueFull: 429
        case .headersTooLarge: 431
        case .clientClosed: 499
        case .credentialMalformed, .requestMalformed, .lengthInvalid, .jsonMalformed, .fieldMissing, .fieldInvalid,
            .instancesEmpty, .tooManyInstances, .shapeMismatch, .typeMismatch, .numberInvalid, .grantUnsupported,
            .scopeInvalid:
            400
        case .inferenceFailed, .internalError: 500
        case .modelUnavailable, .auditUnavailable, .storageUnavailable, .draining: 503
        }
    }
}

/// Status codes' names (RFC 9110, section 15; RFC 6585).
enum HTTPStatus {
    static func reason(_ status: Int) -> StaticString {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 204: "No Content"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 413: "Content Too Large"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 499: "Client Closed Request"
        case 500: "Internal Server Error"
        case 503: "Service Unavailable"
        default: "Unknown"
        }
    }
}
