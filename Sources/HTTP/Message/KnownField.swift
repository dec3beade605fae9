// SPDX-License-Identifier: Apache-2.0

/// The fields that the gateway reads; all others pass unread.
public enum KnownField: UInt8, CaseIterable, Sendable {
    case host, authorization, contentType, contentLength, transferEncoding, connection, proxyConnection, expect, upgrade
    case accept, acceptEncoding, contentEncoding, userAgent
    case traceparent, tracestate, requestID, forwarded, forwardedFor
    case ifMatch, ifNoneMatch, idempotencyKey, inferenceHeaderContentLength, requestTimeout, origin, cookie, te

    /// The name in lower case, as HTTP/2 writes it.
    public var name: StaticString {
        switch self {
        case .host: "host"
        case .authorization: "authorization"
        case .contentType: "content-type"
        case .contentLength: "content-length"
        case .transferEncoding: "transfer-encoding"
        case .connection: "connection"
        case .proxyConnection: "proxy-connection"
        case .expect: "expect"
        case .upgrade: "upgrade"
        case .accept: "accept"
        case .acceptEncoding: "accept-encoding"
        case .contentEncoding: "content-encoding"
        case .userAgent: "user-agent"
        case .traceparent: "traceparent"
        case .tracestate: "tracestate"
        case .requestID: "x-request-id"
        case .forwarded: "forwarded"
        case .forwardedFor: "x-forwarded-for"
        case .ifMatch: "if-match"
        case .ifNoneMatch: "if-none-match"
        case .idempotencyKey: "idempotency-key"
        case .inferenceHeaderContentLength: "inference-header-content-length"
        case .requestTimeout: "x-request-timeout-ms"
        case .origin: "origin"
        case .cookie: "cookie"
        case .te: "te"
        }
    }

    /// Whether a request with two of them could be understood in two ways, and is refused.
    public var isSingle: Bool {
        switch self {
        case .host, .authorization, .contentType, .contentLength, .transferEncoding, .expect, .idempotencyKey, .ifMatch,
            .inferenceHeaderContentLength, .requestTimeout:
            true
        case .connection, .proxyConnection, .upgrade, .accept, .acceptEncoding, .contentEncoding, .userAgent,
            .traceparent, .tracestate,
            .requestID, .forwarded, .forwardedFor, .ifNoneMatch, .origin, .cookie, .te:
            false
        }
    }

    /// The field of that name, which is case-insensitive (RFC 9110, section 5.1): its length and one byte leave one
    /// candidate, which is compared by words.
    ///
    /// - Parameter name: free of control characters.
    public init?(name: UnsafeRawBufferPointer) {
        let candidate: KnownField
        switch name.count {
        case 2: candidate = .te
        case 4: candidate = .host
        case 6:
            switch name[0] | 0x20 {
            case UInt8(ascii: "a"): candidate = .accept
            case UInt8(ascii: "c"): candidate = .cookie
            case UInt8(ascii: "e"): candidate = .expect
            default: candidate = .origin
            }
        case 7: candidate = .upgrade
        case 8: candidate = .ifMatch
        case 9: candidate = .forwarded
        case 10:
            switch name[0] | 0x20 {
            case UInt8(ascii: "c"): candidate = .connection
            case UInt8(ascii: "u"): candidate = .userAgent
            default: candidate = .tracestate
            }
        case 11: candidate = .traceparent
        case 12: candidate = name[0] | 0x20 == UInt8(ascii: "c") ? .contentType : .requestID
        case 13: candidate = name[0] | 0x20 == UInt8(ascii: "a") ? .authorization : .ifNoneMatch
        case 14: candidate = .contentLength
        case 15:
            switch name[0] | 0x20 {
            case UInt8(ascii: "a"): candidate = .acceptEncoding
            case UInt8(ascii: "i"): candidate = .idempotencyKey
            default: candidate = .forwardedFor
            }
        case 16: candidate = name[0] | 0x20 == UInt8(ascii: "c") ? .contentEncoding : .proxyConnection
        case 17: candidate = .transferEncoding
        case 20: candidate = .requestTimeout
        case 31: candidate = .inferenceHeaderContentLength
        default: return nil
        }
        guard name.equalsIgnoringCase(candidate.name) else { return nil }
        self = candidate
    }
}
