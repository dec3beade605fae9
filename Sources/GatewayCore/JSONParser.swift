// SPDX-License-Identifier: Apache-2.0

/// Why a text is not JSON, and where.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Bytes before the fault, from the start of the text.
    public let offset: Int
    /// Lower case, without a full stop; quotes nothing of the text, so it may be logged.
    public let reason: String

    /// `expected a digit at offset 17`.
    public var description: String { "\(reason) at offset \(offset)" }
}

extension JSON {
    /// Reads a whole document, strictly: one value, valid UTF-8, no duplicate names, no trailing bytes, at most
    /// `depth` levels of nesting.
    public static func parse(_ text: some Collection<UInt8>, depth: Int = 32) throws(JSONError) -> JSON {
        var parser = JSONParser(bytes: Array(text), depth: depth)
        return try parser.document()
    }

    /// The same of the text's UTF-8; offsets in a ``JSONError`` are in its bytes.
    public static func parse(_ text: String, depth: Int = 32) throws(JSONError) -> JSON {
        try parse(text.utf8, depth: depth)
    }
}

/// A name as its bytes: to Swift's Strings, texts that Unicode calls equivalent are one, to JSON they are two.
private struct MemberName: Hashable {
    let text: String

    static func == (a: MemberName, b: MemberName) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

private struct JSONParser {
    let bytes: [UInt8]
    let depth: Int
    var next = 0

    init(bytes: [UInt8], depth: Int) {
        self.bytes = bytes
        self.depth = depth
    }

    mutating func document() throws(JSONError) -> JSON {
        let result = try value(level: 0)
        skipSpace()
        guard next == bytes.count else { throw fault("unexpected bytes after the value") }
        return result
    }

    private mutating func value(level: Int) throws(JSONError) -> JSON {
        skipSpace()
        guard let byte = peek else { throw fault("unexpected end of the text") }
        switch byte {
        case UInt8(ascii: "{"): return try object(level: level + 1)
        case UInt8(ascii: "["): return try array(level: level + 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw fault("expected a value")
        }
    }

    private mutating func object(level: Int) throws(JSONError) -> JSON {
        guard level <= depth else { throw fault("nested deeper than \(depth) levels") }
        next += 1
        var members: [JSON.Member] = []
        var names: Set<MemberName> = []
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object([]) }
        while true {
            skipSpace()
            let start = next
            guard peek == UInt8(ascii: "\"") else { throw fault("expected a member name in quotes") }
            let name = try string()
            guard names.insert(MemberName(text: name)).inserted else {
                throw JSONError(offset: start, reason: "duplicate member name")
            }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw fault("expected ':' after a member name") }
            members.append(JSON.Member(name, try value(level: level)))
            skipSpace()
            if take(UInt8(ascii: "}")) { return .object(members) }
            guard take(UInt8(ascii: ",")) else { throw fault("expected ',' or '}' in an object") }
        }
    }

    private mutating func array(level: Int) throws(JSONError) -> JSON {
        guard level <= depth else { throw fault("nested deeper than \(depth) levels") }
        next += 1
        var elements: [JSON] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array([]) }
        while true {
            elements.append(try value(level: level))
            skipSpace()
            if take(UInt8(ascii: "]")) { return .array(elements) }
            guard take(UInt8(ascii: ",")) else { throw fault("expected ',' or ']' in an array") }
        }
    }

    private mutating func string() throws(JSONError) -> String {
        let start = next
        next += 1
        var out: [UInt8] = []
        while let byte = peek {
            next += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: out, as: UTF8.self) else {
                    throw JSONError(offset: start, reason: "string is not valid UTF-8")
                }
                return text
            case UInt8(ascii: "\\"):
                try escape(into: &out)
            case 0..<0x20:
                throw JSONError(offset: next - 1, reason: "control character in a string")
            default:
                out.append(byte)
            }
        }
        throw JSONError(offset: start, reason: "string without end")
    }

    private mutating func escape(into out: inout [UInt8]) throws(JSONError) {
        let start = next - 1
        let letter = peek
        next += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(letter!)
        case UInt8(ascii: "b"): out.append(8)
        case UInt8(ascii: "f"): out.append(12)
        case UInt8(ascii: "n"): out.append(10)
        case UInt8(ascii: "r"): out.append(13)
        case UInt8(ascii: "t"): out.append(9)
        case UInt8(ascii: "u"):
            var code = UInt32(try hex4(start))
            if code & 0xfc00 == 0xd800 {
                guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
                    throw JSONError(offset: start, reason: "lone surrogate")
                }
                let low = UInt32(try hex4(start))
                guard low & 0xfc00 == 0xdc00 else { throw JSONError(offset: start, reason: "lone surrogate") }
                code = 0x10000 + (code & 0x3ff) << 10 + (low & 0x3ff)
            }
            guard let scalar = Unicode.Scalar(code) else { throw JSONError(offset: start, reason: "lone surrogate") }
            out.append(contentsOf: UTF8.encode(scalar)!)
        default:
            throw JSONError(offset: start, reason: "unknown escape in a string")
        }
    }

    private mutating func hex4(_ start: Int) throws(JSONError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 128 else {
                throw JSONError(offset: start, reason: "expected four hexadecimal digits after \\u")
            }
            value = value << 4 | UInt16(digit)
            next += 1
        }
        return value
    }

    private mutating func number() throws(JSONError) -> JSON {
        let start = next
        var isInteger = true
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try digits() }
        if let byte = peek, (48...57).contains(byte) { throw fault("number with a leading zero") }
        if take(UInt8(ascii: ".")) {
            isInteger = false
            try digits()
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            isInteger = false
            next += 1
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits()
        }
        let text = String(decoding: bytes[start..<next], as: UTF8.self)
        if isInteger, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else {
            throw JSONError(offset: start, reason: "number out of range")
        }
        return .double(value)
    }

    private mutating func digits() throws(JSONError) {
        let start = next
        while let byte = peek, (48...57).contains(byte) { next += 1 }
        guard next > start else { throw fault("expected a digit") }
    }

    private mutating func literal(_ word: StaticString, _ result: JSON) throws(JSONError) -> JSON {
        for i in 0..<word.utf8CodeUnitCount where !(next + i < bytes.count && bytes[next + i] == word.utf8Start[i]) {
            throw fault("expected '\(word)'")
        }
        next += word.utf8CodeUnitCount
        return result
    }

    private var peek: UInt8? { next < bytes.count ? bytes[next] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        next += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 32 || byte == 10 || byte == 13 || byte == 9 { next += 1 }
    }

    private func fault(_ reason: String) -> JSONError { JSONError(offset: next, reason: reason) }
}
