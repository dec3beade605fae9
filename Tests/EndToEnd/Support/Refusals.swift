// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

/// Checks all that every refusal owes: the status, a problem document (RFC 9457) whose `error` is its `detail`, the
/// request's id in both places, and exactly one audit record that says the same.
///
/// - Returns: the document.
@discardableResult
func expectRefusal(
    _ answer: Answer,
    _ status: Int,
    _ code: String,
    of gateway: GatewayProcess,
    sourceLocation: SourceLocation = #_sourceLocation
) throws -> JSON {
    #expect(answer.status == status, "\(answer.text)", sourceLocation: sourceLocation)
    #expect(answer.header("Content-Type") == "application/problem+json", sourceLocation: sourceLocation)
    #expect(answer.header("Cache-Control") == "no-store", sourceLocation: sourceLocation)
    let document = try answer.json
    #expect(document["status"]?.integer == Int64(status), sourceLocation: sourceLocation)
    #expect(document["code"]?.string == code, "\(answer.text)", sourceLocation: sourceLocation)
    #expect(document["type"]?.string?.isEmpty == false, sourceLocation: sourceLocation)
    #expect(document["title"]?.string?.isEmpty == false, sourceLocation: sourceLocation)
    #expect(document["error"]?.string?.isEmpty == false, sourceLocation: sourceLocation)
    #expect(document["error"] == document["detail"], sourceLocation: sourceLocation)
    try expectRecord(answer, status, code, document, of: gateway, sourceLocation: sourceLocation)
    return document
}

/// Checks a refusal of the token endpoint: RFC 6749, section 5.2.
func expectOAuthError(
    _ answer: Answer,
    _ status: Int,
    _ error: String,
    code: String,
    of gateway: GatewayProcess,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    #expect(answer.status == status, "\(answer.text)", sourceLocation: sourceLocation)
    #expect(answer.header("Content-Type") == "application/json", sourceLocation: sourceLocation)
    #expect(answer.header("Cache-Control") == "no-store", sourceLocation: sourceLocation)
    let document = try answer.json
    #expect(document["error"]?.string == error, "\(answer.text)", sourceLocation: sourceLocation)
    #expect(document["code"]?.string == code, "\(answer.text)", sourceLocation: sourceLocation)
    let description = document["error_description"]?.string ?? ""
    #expect(!description.isEmpty, sourceLocation: sourceLocation)
    #expect(
        description.utf8.allSatisfy { (0x20...0x7e).contains($0) && $0 != 0x22 && $0 != 0x5c },
        "\(description)",
        sourceLocation: sourceLocation
    )
    try expectRecord(answer, status, code, document, of: gateway, sourceLocation: sourceLocation)
}

private func expectRecord(
    _ answer: Answer,
    _ status: Int,
    _ code: String,
    _ document: JSON,
    of gateway: GatewayProcess,
    sourceLocation: SourceLocation
) throws {
    #expect(document["request_id"]?.string == answer.requestID, sourceLocation: sourceLocation)
    #expect(answer.requestID != nil, sourceLocation: sourceLocation)
    #expect(answer.auditIndex != nil, sourceLocation: sourceLocation)
    let found = try gateway.records("request_id=\(answer.requestID ?? "none")")
    #expect(found.count == 1, "\(found)", sourceLocation: sourceLocation)
    let record = try #require(found.first?["record"], sourceLocation: sourceLocation)
    #expect(found.first?["index"]?.integer == answer.auditIndex, sourceLocation: sourceLocation)
    #expect(record["status"]?.integer == Int64(status), sourceLocation: sourceLocation)
    #expect(record["reason"]?.string == code, sourceLocation: sourceLocation)
    #expect(record["decision"]?.string == "refused", sourceLocation: sourceLocation)
}
