// SPDX-License-Identifier: Apache-2.0

/// The chunked coding (RFC 9112, section 7.1), a byte at a time but for the data.
extension HTTP1Parser {
    mutating func nextChunk(_ bytes: UnsafeRawBufferPointer) throws(HTTPFault) -> Found {
        var at = 0
        while at < bytes.count {
            if state == .chunk {
                let count = min(bytes.count - at, remaining)
                remaining -= count
                if remaining == 0 { state = .chunkDataEnd }
                return .body(at..<at + count, consumed: at + count)
            }
            let byte = bytes[at]
            at += 1
            if state == .trailersLineEnd {
                guard byte == UInt8(ascii: "\n") else { throw .chunkLineEnd }
                return end(consumed: at)
            }
            state = try step(byte)
        }
        return .needsMore(consumed: at)
    }

    /// One byte that is not data.
    private mutating func step(_ byte: UInt8) throws(HTTPFault) -> State {
        switch state {
        case .chunkSize:
            if let digit = ByteClass.hexadecimal(byte) {
                sizeDigits += 1
                guard sizeDigits <= 16 else { throw .chunkSize }
                guard remaining <= Int.max >> 4 else { throw .chunkTooLarge }
                remaining = remaining << 4 | Int(digit)
                return .chunkSize
            }
            guard sizeDigits > 0 else { throw .chunkSize }
            switch byte {
            case UInt8(ascii: "\r"): return .chunkLineEnd
            case UInt8(ascii: ";"): return try beginExtension()
            default: throw .chunkSize
            }
        case .extensionName, .extensionValue, .extensionToken, .extensionQuoted, .extensionQuotedEnd:
            return try extensionStep(byte)
        case .chunkLineEnd:
            guard byte == UInt8(ascii: "\n") else { throw .chunkLineEnd }
            sizeDigits = 0
            return remaining > 0 ? .chunk : .trailers
        case .chunkDataEnd:
            guard byte == UInt8(ascii: "\r") else { throw .chunkLineEnd }
            return .chunkDataLineEnd
        case .chunkDataLineEnd:
            guard byte == UInt8(ascii: "\n") else { throw .chunkLineEnd }
            return .chunkSize
        case .trailers:
            guard byte == UInt8(ascii: "\r") else { throw ByteClass.isToken(byte) ? .trailers : .chunkLineEnd }
            return .trailersLineEnd
        case .idle, .head, .content, .chunk, .trailersLineEnd, .complete, .over, .failed:
            preconditionFailure("a state that is not of a chunk's lines")
        }
    }

    /// `*( ";" name [ "=" ( token / quoted-string ) ] )` without blanks or escapes; `sizeDigits` counts what the name or
    /// value has so far.
    private mutating func extensionStep(_ byte: UInt8) throws(HTTPFault) -> State {
        extensionBytes += 1
        guard extensionBytes <= limits.chunkExtensionBytes else { throw .chunkExtensionsTooLarge }
        sizeDigits += 1
        switch (state, byte) {
        case (.extensionQuoted, UInt8(ascii: "\"")): return .extensionQuotedEnd
        case (.extensionQuoted, 0x20...0x7e) where byte != UInt8(ascii: "\\"): return .extensionQuoted
        case (.extensionValue, UInt8(ascii: "\"")): return .extensionQuoted
        case (.extensionValue, _) where ByteClass.isToken(byte): return .extensionToken
        case (.extensionName, _) where ByteClass.isToken(byte): return .extensionName
        case (.extensionToken, _) where ByteClass.isToken(byte): return .extensionToken
        case (.extensionName, UInt8(ascii: "=")) where sizeDigits > 1: return .extensionValue
        case (.extensionName, UInt8(ascii: "\r")) where sizeDigits > 1, (.extensionToken, UInt8(ascii: "\r")),
            (.extensionQuotedEnd, UInt8(ascii: "\r")):
            return .chunkLineEnd
        case (.extensionName, UInt8(ascii: ";")) where sizeDigits > 1, (.extensionToken, UInt8(ascii: ";")),
            (.extensionQuotedEnd, UInt8(ascii: ";")):
            return try beginExtension()
        default: throw .chunkExtension
        }
    }

    private mutating func beginExtension() throws(HTTPFault) -> State {
        extensionBytes += 1
        guard extensionBytes <= limits.chunkExtensionBytes else { throw .chunkExtensionsTooLarge }
        sizeDigits = 0
        return .extensionName
    }
}
