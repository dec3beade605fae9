// SPDX-License-Identifier: Apache-2.0

/// The head of a request, framed and checked: what the road needs of it and no more.
struct RequestHead {
    var method: Method
    /// The target up to the query, as sent: no percent-decoding, since no route of the gateway has an escape in it.
    var path: String
    /// The target behind `?`, as sent.
    var query: String?
    /// The only `Authorization` field.
    var authorization: String?
    var contentType: String?
    var accept: String?
    /// nil without a body and when it is chunked.
    var contentLength: Int?
    var isChunked = false
    var keepsAlive: Bool
    var expectsContinue = false
    var isHTTP10 = false

    var hasBody: Bool { isChunked || (contentLength ?? 0) > 0 }

    enum Method: String, CaseIterable {
        case get = "GET"
        case head = "HEAD"
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
        case delete = "DELETE"
        case options = "OPTIONS"
        /// Any other token.
        case other = "OTHER"
    }
}
