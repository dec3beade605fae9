// SPDX-License-Identifier: Apache-2.0

/// The versions that are spoken (RFC 9112, section 2.3; RFC 9113).
public enum HTTPVersion: UInt8, Sendable {
    /// HTTP/1.0
    case http10
    /// HTTP/1.1
    case http11
    /// HTTP/2
    case http2

    /// As the message itself writes it.
    public var name: StaticString {
        switch self {
        case .http10: "HTTP/1.0"
        case .http11: "HTTP/1.1"
        case .http2: "HTTP/2"
        }
    }
}
