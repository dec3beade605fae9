// SPDX-License-Identifier: Apache-2.0

/// Writes compact JSON into bytes, without an intermediate value.
///
/// Names passed as `StaticString` need no escaping. Every control character, DEL and the separators U+2028 and U+2029
/// are escaped, so a written line stays one line in any reader. The caller opens, closes and orders; the writer puts
/// the commas.
public struct JSONWriter {
    /// All that was written since the start or the last ``reset()``, in UTF-8.
    public private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// `capacity` is in bytes, taken at once; the writer grows beyond it.
    public init(capacity: Int = 512) {
        bytes.reserveCapacity(capacity)
    }

    /// Empties the writer and keeps its memory.
    public mutating func reset() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    // MARK: - Structure

    /// Writes `{`; then come pairs of a name and a value.
    public mutating func beginObject() { open(UInt8(ascii: "{")) }
    /// Writes `}`; that an object is open is not checked.
    public mutating func endObject() { close(UInt8(ascii: "}")) }
    /// Writes `[`; then come values without names.
    public mutating func beginArray() { open(UInt8(ascii: "[")) }
    /// Writes `]`; that an array is open is not checked.
    public mutating func endArray() { close(UInt8(ascii: "]")) }

    /// A member's name; a value must follow.
    public mutating func name(_ name: StaticString) {
        comma()
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    // Without the attribute a plain literal would come here, as a String, and be escaped each time.
    /// A member's name that is not known beforehand.
    @_disfavoredOverload
    public mutating func name(_ name: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    // MARK: - Values

    /// In quotes, escaped as the type says; the rest of what is not ASCII stays UTF-8.
    public mutating func string(_ text: String) {
        comma()
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { escape($0) }
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    /// In decimal, for any integer of up to 64 bits.
    public mutating func integer(_ value: some FixedWidthInteger) {
        comma()
        appendDecimal(value)
        needsComma = true
    }

    /// A number in its shortest form that reads back the same; `null` when it is not finite.
    public mutating func double(_ value: Double) {
        guard value.isFinite else { return null() }
        comma()
        bytes.append(contentsOf: value.description.utf8)
        needsComma = true
    }

    /// `true` or `false`, without quotes.
    public mutating func bool(_ value: Bool) { raw(value ? "true" : "false") }
    /// `null`, as a member's value or an element.
    public mutating func null() { raw("null") }

    /// RFC 3339 in quotes.
    public mutating func time(_ time: UnixTime) {
        comma()
        bytes.append(UInt8(ascii: "\""))
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 27) { buffer in
            time.write(to: buffer)
            bytes.append(contentsOf: buffer)
        }
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    /// A whole value with all below it; a ``JSON/double(_:)`` that is not finite becomes `null`.
    public mutating func value(_ value: JSON) {
        switch value {
        case .null: null()
        case .bool(let flag): bool(flag)
        case .integer(let number): integer(number)
        case .double(let number): double(number)
        case .string(let text): string(text)
        case .array(let elements):
            beginArray()
            for element in elements { self.value(element) }
            endArray()
        case .object(let members):
            beginObject()
            for member in members {
                name(member.name)
                self.value(member.value)
            }
            endObject()
        }
    }

    /// Bytes that are a JSON value already.
    public mutating func raw(_ json: some Collection<UInt8>) {
        comma()
        bytes.append(contentsOf: json)
        needsComma = true
    }

    // MARK: - Parts

    private mutating func raw(_ word: StaticString) {
        comma()
        bytes.append(contentsOf: UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
        needsComma = true
    }

    private mutating func comma() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }

    private mutating func open(_ bracket: UInt8) {
        comma()
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func appendDecimal(_ value: some FixedWidthInteger) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Digits.most) { buffer in
            guard let base = buffer.baseAddress else { return }
            bytes.append(contentsOf: buffer[..<Digits.write(UInt64(value.magnitude), to: base)])
        }
    }

    private mutating func escape(_ text: UnsafeBufferPointer<UInt8>) {
        var clean = 0
        var i = 0
        while i < text.count {
            let byte = text[i]
            // U+2028 and U+2029 are E2 80 A8 and E2 80 A9.
            let separator = byte == 0xe2 && i + 2 < text.count && text[i + 1] == 0x80 && text[i + 2] & 0xfe == 0xa8
            guard byte < 0x20 || byte == 0x22 || byte == 0x5c || byte == 0x7f || separator else {
                i += 1
                continue
            }
            bytes.append(contentsOf: text[clean..<i])
            switch byte {
            case 0x22, 0x5c: bytes.append(contentsOf: [0x5c, byte])
            case 0x0a: bytes.append(contentsOf: [0x5c, UInt8(ascii: "n")])
            case 0x0d: bytes.append(contentsOf: [0x5c, UInt8(ascii: "r")])
            case 0x09: bytes.append(contentsOf: [0x5c, UInt8(ascii: "t")])
            default:
                let code = separator ? 0x2028 | UInt16(text[i + 2] & 1) : UInt16(byte)
                bytes.append(contentsOf: [0x5c, UInt8(ascii: "u")])
                for shift in stride(from: 12, through: 0, by: -4) {
                    bytes.append(Hexadecimal.digit(UInt8(code >> shift & 15)))
                }
            }
            i += separator ? 3 : 1
            clean = i
        }
        bytes.append(contentsOf: text[clean...])
    }
}
