// SPDX-License-Identifier: Apache-2.0

/// The fields that frame, address and authorise a request: one meaning each, or none.
extension RequestHead {
    /// Notes a field and what follows from it.
    ///
    /// - Parameters:
    ///   - value: without blanks around it.
    ///   - bytes: what the range is into.
    mutating func take(
        _ field: KnownField,
        _ value: ByteRange,
        of bytes: UnsafeRawBufferPointer
    ) throws(HTTPFault) {
        if field.isSingle, self[field] != nil { throw .second(field) }
        note(field, value)
        switch field {
        case .host:
            guard value.of(bytes).isAuthority else { throw .host }
            authorityRange = value
        case .contentLength:
            guard let length = value.of(bytes).contentLength else { throw .contentLength }
            contentLength = length
        case .transferEncoding:
            guard version == .http11, value.of(bytes).equalsIgnoringCase("chunked") else { throw .transferEncoding }
            isChunked = true
        case .expect:
            guard value.of(bytes).equalsIgnoringCase("100-continue") else { throw .expectation }
            expectsContinue = true
        case .authorization, .contentType, .connection, .proxyConnection, .upgrade, .accept, .acceptEncoding,
            .contentEncoding,
            .userAgent, .traceparent, .tracestate, .requestID, .forwarded, .forwardedFor, .ifMatch, .ifNoneMatch,
            .idempotencyKey, .inferenceHeaderContentLength, .requestTimeout, .origin, .cookie, .te:
            break
        }
    }

    /// Checks what the fields say together (RFC 9112, sections 3.2 and 6.3; RFC 9110, sections 9.3.1 and 10.1.1).
    mutating func finish(_ bytes: UnsafeRawBufferPointer) throws(HTTPFault) {
        guard version == .http10 || !authorityRange.isEmpty else { throw .noHost }
        guard !(isChunked && contentLength != nil) else { throw .lengthAndCoding }
        guard method.takesBody || !hasBody else { throw .bodyNotTaken }
        if bytes[Int(targetRange.lower)] != UInt8(ascii: "/") { try resolveAbsoluteForm(bytes) }
        // HTTP/1.0 knows no interim response, and without a body there is nothing to wait for.
        expectsContinue = expectsContinue && version != .http10 && hasBody
    }
}

extension UnsafeRawBufferPointer {
    /// A decimal number of bytes without sign or leading zero, below 10^15.
    var contentLength: Int? {
        guard 1...15 ~= count, count == 1 || self[0] != UInt8(ascii: "0") else { return nil }
        var value = 0
        for byte in self {
            guard ByteClass.isDigit(byte) else { return nil }
            value = value * 10 + Int(byte &- 0x30)
        }
        return value
    }

    /// `uri-host [":" port]` (RFC 9110, section 7.2) of a name or an IP address, not empty.
    ///
    /// Stricter than the grammar, which also has percent-encoding and sub-delimiters in names: no DNS name has them.
    var isAuthority: Bool {
        var at = 0
        if count > 0, self[0] == UInt8(ascii: "[") {
            at = 1
            while at < count, ByteClass.hexadecimal(self[at]) != nil || self[at] == 0x3a || self[at] == 0x2e { at += 1 }
            guard at > 2, at < count, self[at] == UInt8(ascii: "]") else { return false }
            at += 1
        } else {
            while at < count, ByteClass.isUnreserved(self[at]) { at += 1 }
            guard at > 0 else { return false }
        }
        guard at < count else { return true }
        guard self[at] == UInt8(ascii: ":"), count - at <= 6 else { return false }
        for byte in self[(at + 1)...] where !ByteClass.isDigit(byte) { return false }
        return true
    }
}
