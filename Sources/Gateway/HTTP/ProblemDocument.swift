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
