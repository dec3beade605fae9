// SPDX-License-Identifier: Apache-2.0

/// The head of a request, framed and checked: no bytes of its own, but ranges into those it was parsed from.
public struct RequestHead: Sendable {
    /// What is asked for.
    public var method = HTTPMethod.other
    /// What the client speaks.
    public var version = HTTPVersion.http11
    /// The method's name as sent.
    public var methodRange = ByteRange.empty
    /// The request target as sent (RFC 9112, section 3.2).
    public var targetRange = ByteRange.empty
    /// The target's path: up to the query, not percent-decoded, never empty, beginning with `/`.
    public var pathRange = ByteRange.empty
    /// The target's query: behind `?`, as sent.
    public var queryRange: ByteRange?
    /// Host and port: the `Host` field's value, or `:authority`. Empty where HTTP/1.0 has neither.
    public var authorityRange = ByteRange.empty
    /// The body's bytes as the head announces them; nil without `Content-Length`.
    public var contentLength: Int?
    /// The body comes in the chunked coding (HTTP/1.1 alone).
    public var isChunked = false
    /// Another request may follow on the connection.
    public var keepsAlive = true
    /// The client waits for leave to send its body (RFC 9110, section 10.1.1).
    public var expectsContinue = false
    /// Fields of any name.
    public var fieldCount = 0

    private var present: UInt32 = 0
    private var repeated: UInt32 = 0
    private var values = InlineArray<26, ByteRange>(repeating: .empty)

    /// A head without anything.
    public init() {}

    /// Whether a body of at least one byte, or of a length not known yet, comes behind the head.
    public var hasBody: Bool { isChunked || (contentLength ?? 0) > 0 }

    /// The value of a field, blanks around it left off; of one that is repeated the first.
    public subscript(field: KnownField) -> ByteRange? {
        present & Self.bit(field) != 0 ? values[Int(field.rawValue)] : nil
    }

    /// Whether the field is there more than once.
    public func isRepeated(_ field: KnownField) -> Bool { repeated & Self.bit(field) != 0 }

    /// Notes a field's value; of one that is repeated the first stays.
    public mutating func note(_ field: KnownField, _ value: ByteRange) {
        let bit = Self.bit(field)
        guard present & bit == 0 else {
            repeated |= bit
            return
        }
        present |= bit
        values[Int(field.rawValue)] = value
    }

    /// As new; cheaper than that, since no value is touched.
    mutating func reset() {
        method = .other
        version = .http11
        queryRange = nil
        authorityRange = .empty
        contentLength = nil
        isChunked = false
        keepsAlive = true
        expectsContinue = false
        fieldCount = 0
        present = 0
        repeated = 0
    }

    @inline(__always)
    private static func bit(_ field: KnownField) -> UInt32 { 1 &<< UInt32(field.rawValue) }
}
