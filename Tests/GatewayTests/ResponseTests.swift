// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP
import Testing

@testable import Gateway

@Suite struct ResponseTests {
    @Test func `every reason has a status that HTTP has a name for`() {
        for code in ReasonCode.allCases {
            #expect(HTTPStatus.reason(code.status).description != "Unknown", "\(code)")
        }
    }

    @Test func `a problem document has what both kinds of clients look for`() throws {
        let refusal = Refusal(.quotaExceeded, "The quota is \"used\" up.", detail: "secret detail")
        let id = RequestID(high: 1, low: 2)
        let body = ProblemDocument.write(refusal, requestID: id, violatedPolicies: ["daily"])
        let problem = try JSON.parse(body)
        #expect(problem["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded")
        #expect(problem["status"] == 429)
        #expect(problem["title"] == "Too Many Requests")
        #expect(problem["code"] == "quota_exceeded")
        #expect(problem["detail"] == .string(refusal.sentence))
        #expect(problem["error"] == .string(refusal.sentence))
        #expect(problem["request_id"] == .string(id.description))
        #expect(problem["violated-policies"] == ["daily"])
        #expect(!String(decoding: body, as: UTF8.self).contains("secret detail"))
    }

    @Test func `an OAuth error keeps to the characters that RFC 6749 allows`() throws {
        let refusal = Refusal(.keyInvalid, "no \"such\" key \\ é")
        let error = try JSON.parse(OAuthError.write(refusal, requestID: RequestID(high: 0, low: 0)))
        #expect(error["error"] == "invalid_client")
        let text = try #require(error["error_description"]?.string)
        #expect(text.utf8.allSatisfy { (0x20...0x7e).contains($0) && $0 != 0x22 && $0 != 0x5c })
    }
}
