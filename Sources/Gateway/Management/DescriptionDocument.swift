// SPDX-License-Identifier: Apache-2.0

import APIDescription
import GatewayCore
import GatewayCrypto

/// `GET /openapi.yaml`: the description of both listeners, from within the program (media type: RFC 9512).
enum DescriptionDocument {
    /// Of the document's bytes: another program has another.
    private static let tag = "\"\(Base64URL.encode(Array(SHA256.hash(APIDescription.yaml).prefix(16))))\""

    /// - Returns: 304 where `If-None-Match` names the document (RFC 9110, section 13.1.2), else all of it.
    static func answer(_ request: BlockingRequest) -> Reply {
        // A tag that went through a cache may have become a weak one; the comparison is the weak one.
        let known = (request.ifNoneMatch ?? "").split(separator: ",").map { $0.filter { $0 != " " && $0 != "\t" } }
        let isKnown = known.contains { $0 == "*" || $0 == tag || $0 == "W/\(tag)" }
        var reply = Reply(
            status: isKnown ? 304 : 200,
            contentType: "application/yaml",
            body: isKnown ? [] : APIDescription.yaml
        )
        reply.fields = [.init(.etag, tag)]
        return reply
    }
}
