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
    static let inferenceHeaderContentLength = ResponseField(
        http1: "Inference-Header-Content-Length",
        http2: "inference-header-content-length"
    )
    static let contentEncoding = ResponseField(http1: "Content-Encoding", http2: "content-encoding")
    static let vary = ResponseField(http1: "Vary", http2: "vary")
    static let acceptEncoding = ResponseField(http1: "Accept-Encoding", http2: "accept-encoding")
    static let retryAfter = ResponseField(http1: "Retry-After", http2: "retry-after", varies: true)
    static let cacheControl = ResponseField(http1: "Cache-Control", http2: "cache-control")
    static let pragma = ResponseField(http1: "Pragma", http2: "pragma")
    static let allow = ResponseField(http1: "Allow", http2: "allow")
    static let location = ResponseField(http1: "Location", http2: "location", varies: true)
    static let link = ResponseField(http1: "Link", http2: "link", varies: true)
    static let etag = ResponseField(http1: "ETag", http2: "etag", varies: true)
    static let idempotentReplayed = ResponseField(http1: "Idempotent-Replayed", http2: "idempotent-replayed")
    static let wwwAuthenticate = ResponseField(http1: "WWW-Authenticate", http2: "www-authenticate")
    static let rateLimitPolicy = ResponseField(http1: "RateLimit-Policy", http2: "ratelimit-policy")
    static let rateLimit = ResponseField(http1: "RateLimit", http2: "ratelimit", varies: true)
    static let limit = ResponseField(http1: "X-RateLimit-Limit", http2: "x-ratelimit-limit")
    static let remaining = ResponseField(http1: "X-RateLimit-Remaining", http2: "x-ratelimit-remaining", varies: true)
    static let reset = ResponseField(http1: "X-RateLimit-Reset", http2: "x-ratelimit-reset", varies: true)
}
