// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// A cursor over JSON text (RFC 8259) that reads strictly and builds nothing.
///
/// Nothing here recurses: nesting costs a counter, so a hostile body cannot overflow the stack.
struct JSONScanner {
    let base: UnsafePointer<UInt8>
    let count: Int
    /// Bytes read so far.
    var next = 0
    /// Takes NaN and infinite numbers, and what comes behind the document; else all of RFC 8259 holds.
    var isLenient = false

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        // An empty buffer may have no address; the pointer is never read then.
        base = bytes.baseAddress ?? UnsafePointer(bitPattern: 1)!
        count = bytes.count
    }

    /// The next byte; 0, which no JSON text holds, at the end.
    var peek: UInt8 {
        @inline(__always) get { next < count ? base[next] : 0 }
    }

    @inline(__always)
    mutating func skipSpace() {
        while next < count {
            let byte = base[next]
            guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return }
            next += 1
        }
    }

    /// Skips space and takes that byte when it comes next.
    @inline(__always)
    mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard next < count, base[next] == byte else { return false }
        next += 1
        return true
    }

    mutating func expect(_ byte: UInt8, _ reason: String) throws(Refusal) {
        guard take(byte) else { throw malformed(reason) }
    }

    @inline(never)
    func malformed(_ reason: String, at offset: Int? = nil) -> Refusal {
        let offset = offset ?? next
        let end = offset >= count ? " (the body ends there)" : ""
        return Refusal(.jsonMalformed, "JSON Parse error: \(reason) at offset: \(offset)\(end)")
    }

    // MARK: - Strings

    /// A string's bytes between its quotes.
    struct Text {
        let start: Int
        let end: Int
        let hasEscapes: Bool
    }

    /// Reads a string, checking its escapes and UTF-8.
    mutating func string() throws(Refusal) -> Text {
        let quote = next
        guard peek == 0x22 else { throw malformed("expected a string") }
        next += 1
        let start = next
        var hasEscapes = false
        while next < count {
            let byte = base[next]
            switch byte {
            case 0x22:
                next += 1
                return Text(start: start, end: next - 1, hasEscapes: hasEscapes)
            case 0x5c:
                hasEscapes = true
                try skipEscape()
            case 0..<0x20: throw malformed("control character in a string")
            case 0x20..<0x80: next += 1
            default: try skipMultibyte()
            }
        }
        throw malformed("string without end", at: quote)
    }

    /// The string's value.
    func value(_ text: Text) -> String {
        let raw = UnsafeBufferPointer(start: base + text.start, count: text.end - text.start)
        if !text.hasEscapes { return String(decoding: raw, as: UTF8.self) }
        // Checked already, so parsing cannot fail.
        let quoted = UnsafeBufferPointer(start: base + text.start - 1, count: raw.count + 2)
        return (try? JSON.parse(quoted))?.string ?? ""
    }

    /// Whether the string's value is that word.
    func equals(_ text: Text, _ word: String) -> Bool {
        if text.hasEscapes { return value(text) == word }
        var word = word
        return word.withUTF8 { utf8 in
            utf8.count == text.end - text.start
                && utf8.elementsEqual(UnsafeBufferPointer(start: base + text.start, count: utf8.count))
        }
    }

    private mutating func skipEscape() throws(Refusal) {
        let start = next
        next += 1
        let letter = peek
        next += 1
        switch letter {
        case 0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74: return
        case 0x75:
            let code = try hex4(start)
            if code & 0xfc00 == 0xdc00 { throw malformed("lone surrogate", at: start) }
            guard code & 0xfc00 == 0xd800 else { return }
            guard peek == 0x5c, next + 1 < count, base[next + 1] == 0x75 else {
                throw malformed("lone surrogate", at: start)
            }
            next += 2
            guard try hex4(start) & 0xfc00 == 0xdc00 else { throw malformed("lone surrogate", at: start) }
        default: throw malformed("unknown escape in a string", at: start)
        }
    }

    private mutating func hex4(_ start: Int) throws(Refusal) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            let digit: UInt8
            switch peek {
            case let byte where byte &- 48 < 10: digit = byte - 48
            case let byte where byte &- 65 < 6: digit = byte - 55
            case let byte where byte &- 97 < 6: digit = byte - 87
            default: throw malformed("expected four hexadecimal digits after \\u", at: start)
            }
            value = value << 4 | UInt16(digit)
            next += 1
        }
        return value
    }

    /// One scalar of two to four bytes: no overlong form, no surrogate, nothing above U+10FFFF (RFC 3629 section 4).
    private mutating func skipMultibyte() throws(Refusal) {
        let first = base[next]
        let second = next + 1 < count ? base[next + 1] : 0
        let length: Int
        let allowed: ClosedRange<UInt8>
        switch first {
        case 0xc2...0xdf: (length, allowed) = (2, 0x80...0xbf)
        case 0xe0: (length, allowed) = (3, 0xa0...0xbf)
        case 0xed: (length, allowed) = (3, 0x80...0x9f)
        case 0xe1...0xef: (length, allowed) = (3, 0x80...0xbf)
        case 0xf0: (length, allowed) = (4, 0x90...0xbf)
        case 0xf1...0xf3: (length, allowed) = (4, 0x80...0xbf)
        case 0xf4: (length, allowed) = (4, 0x80...0x8f)
        default: throw malformed("string is not valid UTF-8")
        }
        guard allowed.contains(second), next + length <= count else { throw malformed("string is not valid UTF-8") }
        for offset in 2..<max(length, 2) where base[next + offset] & 0xc0 != 0x80 {
            throw malformed("string is not valid UTF-8")
        }
        next += length
    }
}
