// SPDX-License-Identifier: Apache-2.0

/// A request as a client sends it.
public struct HTTPRequest: Sendable {
    public var method: String
    /// Absolute, `https://…` or `http://…`.
    public var url: String
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]?

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
    public var status: Int
    public var headers: [(name: String, value: String)]
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
    /// A `CURLcode`; 7 is "could not connect", 60 "certificate not trusted".
    public let code: UInt32
    public let reason: String
    public let url: String

    public var description: String { "\(url): \(reason)" }
}
