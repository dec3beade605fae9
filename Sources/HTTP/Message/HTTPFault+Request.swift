// SPDX-License-Identifier: Apache-2.0

/// Each fault of a request, with the sentence that its client reads.
extension HTTPFault {
    // MARK: - Lines

    static var notARequest: Self { Self(.malformed, "This is not a well-formed HTTP/1.1 request.") }
    static var requestLine: Self {
        Self(.malformed, "The request line must be a method, a target and HTTP/1.1, with one space between them.")
    }
    static var bareCR: Self { Self(.malformed, "A CR stands without its LF; lines end with CR and LF.") }
    static var bareLF: Self { Self(.malformed, "An LF stands without its CR; lines end with CR and LF.") }
    static var controlCharacter: Self { Self(.malformed, "The head has a control character in it; remove it.") }
    static var headTooLarge: Self {
        Self(.headTooLarge, "The head of the request is too large; send fewer or shorter fields.")
    }
    static var tooManyFields: Self { Self(.tooManyFields, "The request has too many fields; send fewer.") }

    /// A control character where none may be.
    static func control(_ byte: UInt8) -> Self { byte == UInt8(ascii: "\n") ? .bareLF : .controlCharacter }

    // MARK: - Request line

    static var method: Self {
        Self(
            .malformed,
            "The method must be a registered one in capital letters, as GET or POST; CONNECT is not served."
        )
    }
    static var target: Self {
        Self(.malformed, "The request target must be a path as /predict, or the absolute form with the same host.")
    }
    static var otherHost: Self {
        Self(.malformed, "The request target names another host than the Host field; send a path as /predict.")
    }
    static var targetTooLong: Self { Self(.targetTooLong, "The request target is too long; shorten it.") }
    static var version: Self { Self(.versionUnsupported, "Only HTTP/1.1 and HTTP/1.0 are understood here.") }

    // MARK: - Fields

    static var foldedField: Self {
        Self(.malformed, "A line of the head begins with a blank; put each field on one line.")
    }
    static var fieldWithoutColon: Self { Self(.malformed, "A line of the head is no field: it has no colon.") }
    static var fieldName: Self {
        Self(.malformed, "A field's name must be letters, digits and hyphens with the colon right behind them.")
    }
    static var noHost: Self { Self(.malformed, "The request has no Host field.") }
    static var host: Self {
        Self(.malformed, "The Host field must be a name or an IP address, with or without a port.")
    }
    static var contentLength: Self {
        Self(.malformed, "Content-Length must be one decimal number without sign or leading zero.")
    }
    static var transferEncoding: Self {
        Self(.malformed, "The only transfer coding understood is chunked, once, with HTTP/1.1.")
    }
    static var tabInFraming: Self {
        Self(.malformed, "Content-Length or Transfer-Encoding has a tab beside its value; leave it out.")
    }
    static var lengthAndCoding: Self {
        Self(.malformed, "The request has both Content-Length and Transfer-Encoding.")
    }
    static var bodyNotTaken: Self { Self(.malformed, "A request of this method takes no body here.") }
    static var expectation: Self { Self(.expectationFailed, "The only expectation understood is 100-continue.") }

    /// A field that may be there once.
    static func second(_ field: KnownField) -> Self {
        switch field {
        case .host: Self(.malformed, "The request has more than one Host field.")
        case .authorization: Self(.malformed, "The request has more than one Authorization field.")
        case .contentLength: .contentLength
        case .transferEncoding: .transferEncoding
        case .contentType: Self(.malformed, "The request has more than one Content-Type field.")
        case .expect: Self(.malformed, "The request has more than one Expect field.")
        case .idempotencyKey: Self(.malformed, "The request has more than one Idempotency-Key field.")
        case .ifMatch: Self(.malformed, "The request has more than one If-Match field.")
        case .inferenceHeaderContentLength:
            Self(.malformed, "The request has more than one Inference-Header-Content-Length field.")
        case .requestTimeout: Self(.malformed, "The request has more than one X-Request-Timeout-Ms field.")
        case .connection, .proxyConnection, .upgrade, .accept, .acceptEncoding, .contentEncoding, .userAgent,
            .traceparent, .tracestate,
            .requestID, .forwarded, .forwardedFor, .ifNoneMatch, .origin, .cookie, .te:
            preconditionFailure("a field that may be there more than once")
        }
    }

    // MARK: - Chunks

    static var chunkSize: Self {
        Self(.bodyChunkMalformed, "A chunk's size must be one to sixteen hexadecimal digits at the start of its line.")
    }
    static var chunkTooLarge: Self { Self(.bodyChunkMalformed, "A chunk's size is beyond 63 bits.") }
    static var chunkExtension: Self {
        Self(.bodyChunkMalformed, "A chunk extension must be a name, or a name and a value with = between them.")
    }
    static var chunkExtensionsTooLarge: Self {
        Self(.bodyChunkMalformed, "The body has too many chunk extensions; leave them out.")
    }
    static var chunkLineEnd: Self {
        Self(.bodyChunkMalformed, "A chunk's size and its data must each end with CR and LF.")
    }
    static var trailers: Self { Self(.trailers, "Trailer fields are not accepted here.") }
}
