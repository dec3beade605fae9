// SPDX-License-Identifier: Apache-2.0

/// A request as a client sends it.
public struct HTTPRequest: Sendable {
    /// Sent as it stands, so in capitals: `GET`, `POST`.
    public var method: String
    /// Absolute, `https://…` or `http://…`.
    public var url: String
    /// In this order, over libcurl's own fields of the same name; one with an empty value is not sent.
    public var headers: [(name: String, value: String)]
    /// nil sends none; without a `Content-Type` libcurl calls a body `application/x-www-form-urlencoded`.
    public var body: [UInt8]?

    /// Checks nothing: a bad URL is an ``HTTPClientError`` when the request is sent.
    public init(
        _ method: String,
        _ url: String,
        headers: [(name: String, value: String)] = [],
        body: [UInt8]? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }
}

/// What the server answered; header names as they came.
public struct HTTPResponse: Sendable {
    /// Of the final answer, never an interim 1xx.
    public var status: Int
    /// In the order received, a repeated field as often as it came.
    public var headers: [(name: String, value: String)]
    /// Without the chunked framing; a content coding such as gzip is left as it came. Empty when there was none.
    public var body: [UInt8]

    /// The value of the first header of that name, whatever its case.
    public func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// The body as text, invalid UTF-8 replaced.
    public var text: String { String(decoding: body, as: UTF8.self) }
}

/// Why there was no answer: libcurl's number and words, and the address that was asked.
public struct HTTPClientError: Error, CustomStringConvertible, Sendable {
    /// A `CURLcode`; 7 is "could not connect", 23 "longer than is read", 60 "certificate not trusted".
    public let code: UInt32
    /// libcurl's words for people: they differ between its versions.
    public let reason: String
    /// As the request gave it, query included.
    public let url: String

    /// `https://localhost:8443/predict: ` and the reason.
    public var description: String { "\(url): \(reason)" }
}

extension HTTPClientError {
    /// Whether an answer came that was longer than is read.
    public var isTooLong: Bool { code == 23 }
}
