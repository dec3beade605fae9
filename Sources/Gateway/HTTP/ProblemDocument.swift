// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP

/// A refusal's body: RFC 9457, with `code` and `request_id`, and with `error` for the clients of TensorFlow Serving
/// and of the Open Inference Protocol, who look for that name.
enum ProblemDocument {
    static func write(_ refusal: Refusal, requestID: RequestID, violatedPolicies: [String]) -> [UInt8] {
        var json = JSONWriter(capacity: 384)
        json.beginObject()
        json.name("type")
        json.string(type(of: refusal.code))
        json.name("title")
        json.string(HTTPStatus.reason(refusal.code.status).description)
        json.name("status")
        json.integer(refusal.code.status)
        json.name("detail")
        json.string(refusal.sentence)
        json.name("code")
        json.string(refusal.code.rawValue)
        json.name("request_id")
        json.string(requestID.description)
        json.name("instance")
        json.string("urn:uuid:\(requestID)")
        if !violatedPolicies.isEmpty {
            json.name("violated-policies")
            json.beginArray()
            for policy in violatedPolicies { json.string(policy) }
            json.endArray()
        }
        json.name("error")
        json.string(refusal.sentence)
        json.endObject()
        return json.bytes
    }

    /// The problem types of draft-ietf-httpapi-ratelimit-headers where one fits; else none (RFC 9457, section 4.2.1).
    private static func type(of code: ReasonCode) -> String {
        switch code {
        case .rateExceeded, .quotaExceeded, .concurrencyExceeded:
            "https://iana.org/assignments/http-problem-types#quota-exceeded"
        case .queueFull, .draining:
            "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"
        default: "about:blank"
        }
    }
}

/// The token endpoint's refusal: RFC 6749, section 5.2, with the problem document's members beside it.
enum OAuthError {
    static func write(_ refusal: Refusal, requestID: RequestID) -> [UInt8] {
        var json = JSONWriter(capacity: 256)
        json.beginObject()
        json.name("error")
        json.string(name(of: refusal.code))
        json.name("error_description")
        json.string(description(refusal.sentence))
        json.name("code")
        json.string(refusal.code.rawValue)
        json.name("status")
        json.integer(status(of: refusal.code))
        json.name("request_id")
        json.string(requestID.description)
        json.endObject()
        return json.bytes
    }

    /// As RFC 6749, section 5.2, has it: 401 for a client that is not known, 400 for what a known one may not do.
    static func status(of code: ReasonCode) -> Int {
        code.status == 403 ? 400 : code.status
    }

    static func name(of code: ReasonCode) -> String {
        switch code {
        case .credentialMissing, .keyInvalid, .keyRevoked, .keyExpired, .tenantDisabled: "invalid_client"
        case .roleForbidden, .addressForbidden: "unauthorized_client"
        case .grantUnsupported: "unsupported_grant_type"
        case .scopeInvalid, .scopeMissing: "invalid_scope"
        case _ where code.status >= 500: "temporarily_unavailable"
        default: "invalid_request"
        }
    }

    /// Only %x20-21 / %x23-5B / %x5D-7E may stand there.
    private static func description(_ sentence: String) -> String {
        String(
            decoding: sentence.utf8.map { byte in
                (0x20...0x7e).contains(byte) && byte != 0x22 && byte != 0x5c ? byte : UInt8(ascii: "'")
            },
            as: UTF8.self
        )
    }
}
