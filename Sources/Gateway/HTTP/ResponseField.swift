// SPDX-License-Identifier: Apache-2.0

/// The fields of the gateway's answers, by the name that each protocol writes.
struct ResponseField: Sendable {
    /// In the usual capitals of HTTP/1.1.
    let http1: StaticString
    /// In lower case (RFC 9113, section 8.2.1).
    let http2: StaticString
    /// Whether the value differs from answer to answer, so that a compression does better without it.
    var varies = false

    static let contentType = ResponseField(http1: "Content-Type", http2: "content-type")
    static let requestID = ResponseField(http1: "X-Request-Id", http2: "x-request-id", varies: true)
    static let auditIndex = ResponseField(http1: "Audit-Index", http2: "audit-index", varies: true)
    static let auditLeaf = ResponseField(http1: "Audit-Leaf", http2: "audit-leaf", varies: true)
    static let retryAfter = ResponseField(http1: "Retry-After", http2: "retry-after", varies: true)
    static let cacheControl = ResponseField(http1: "Cache-Control", http2: "cache-control")
    static let pragma = ResponseField(http1: "Pragma", http2: "pragma")
    static let allow = ResponseField(http1: "Allow", http2: "allow")
    static let location = ResponseField(http1: "Location", http2: "location", varies: true)
    static let wwwAuthenticate = ResponseField(http1: "WWW-Authenticate", http2: "www-authenticate")
    static let rateLimitPolicy = ResponseField(http1: "RateLimit-Policy", http2: "ratelimit-policy")
    static let rateLimit = ResponseField(http1: "RateLimit", http2: "ratelimit", varies: true)
    static let limit = ResponseField(http1: "X-RateLimit-Limit", http2: "x-ratelimit-limit")
    static let remaining = ResponseField(http1: "X-RateLimit-Remaining", http2: "x-ratelimit-remaining", varies: true)
    static let reset = ResponseField(http1: "X-RateLimit-Reset", http2: "x-ratelimit-reset", varies: true)
}
