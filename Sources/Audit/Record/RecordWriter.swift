// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Writes a record's JSON into memory that is large enough for any record, so that no step asks for more.
///
/// Every value is followed by a comma; the end of an object or array overwrites the last one. Escapes are those of
/// ``GatewayCore/JSONWriter``.
struct RecordWriter: ~Copyable {
    private let out: UnsafeMutablePointer<UInt8>
    private(set) var count = 0

    /// Runs `body` with a writer and answers what `finish` makes of the bytes.
    static func write<Value>(
        _ body: (inout RecordWriter) -> Void,
        finish: (UnsafeBufferPointer<UInt8>) -> Value
    ) -> Value {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: room) { memory in
            guard let base = memory.baseAddress else {
                preconditionFailure("an allocation that is not empty has a base")
            }
            var writer = RecordWriter(out: base)
            body(&writer)
            return finish(UnsafeBufferPointer(start: base, count: writer.count - 1))
        }
    }

    /// Bytes that the memory for a record must have: one more for the comma behind it.
    static let room = AuditRecord.maximumBytes + 1

    init(out: UnsafeMutablePointer<UInt8>) {
        self.out = out
    }

    // MARK: - Structure

    mutating func beginObject() { put(UInt8(ascii: "{")) }
    mutating func beginArray() { put(UInt8(ascii: "[")) }

    /// Ends an object that has members.
    mutating func endObject() { end(UInt8(ascii: "}")) }

    /// Ends an array that has elements.
    mutating func endArray() { end(UInt8(ascii: "]")) }

    private mutating func end(_ bracket: UInt8) {
        out[count - 1] = bracket
        put(UInt8(ascii: ","))
    }

    /// A member's name; its value has at most `room` bytes.
    // Inlined, so that the name's length is known where it is copied.
    @inline(__always)
    mutating func name(_ name: StaticString, room: Int = 32) {
        // The bounds of the members add up to less than there is; this holds if one of them is ever raised.
        precondition(count + name.utf8CodeUnitCount + room + 8 <= AuditRecord.maximumBytes, "the record is too long")
        put(UInt8(ascii: "\""))
        put(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        put(UInt8(ascii: "\""))
        put(UInt8(ascii: ":"))
    }

    // MARK: - Members

    /// A text of at most `bound` bytes; a longer one is cut.
    mutating func member(_ name: StaticString, _ text: String?, _ bound: Int) {
        guard var text else { return }
        if text.utf8.count > bound { text = RecordText.cut(text, to: bound) }
        self.name(name, room: 6 * text.utf8.count)
        put(UInt8(ascii: "\""))
        text.withUTF8 { escape($0) }
        put(UInt8(ascii: "\""))
        put(UInt8(ascii: ","))
    }

    /// A name of at most 64 bytes; a longer one is cut.
    mutating func member(_ name: StaticString, _ policy: AuditPolicyName) {
        let isShort = policy.withUTF8 { text in
            guard text.count <= 64 else { return false }
            self.name(name, room: 6 * text.count)
            put(UInt8(ascii: "\""))
            escape(text)
            put(UInt8(ascii: "\""))
            put(UInt8(ascii: ","))
            return true
        }
        if !isShort { member(name, policy.description, 64) }
    }

    mutating func member(_ name: StaticString, _ id: RequestID) {
        self.name(name, room: RequestID.textSize)
        put(UInt8(ascii: "\""))
        id.write(to: out + count)
        count &+= RequestID.textSize
        put(UInt8(ascii: "\""))
        put(UInt8(ascii: ","))
    }

    mutating func member(_ name: StaticString, _ time: UnixTime) {
        self.name(name)
        put(UInt8(ascii: "\""))
        time.write(to: UnsafeMutableBufferPointer(start: out + count, count: UnixTime.textSize))
        count &+= UnixTime.textSize
        put(UInt8(ascii: "\""))
        put(UInt8(ascii: ","))
    }

    @inline(__always)
    mutating func member(_ name: StaticString, _ number: Int64?) {
        guard let number else { return }
        self.name(name)
        decimal(number)
    }

    /// A number and the comma behind it.
    private mutating func decimal(_ number: Int64) {
        if number < 0 { put(UInt8(ascii: "-")) }
        count &+= Digits.write(number.magnitude, to: out + count)
        put(UInt8(ascii: ","))
    }

    /// A SHA-256 in hexadecimal. One of another length is left out: it would not be what the name says.
    mutating func member(_ name: StaticString, digest: [UInt8]?) {
        guard let digest, digest.count == 32 else { return }
        self.name(name, room: 64)
        put(UInt8(ascii: "\""))
        for byte in digest {
            put(Hexadecimal.digit(byte >> 4))
            put(Hexadecimal.digit(byte & 15))
        }
        put(UInt8(ascii: "\""))
        put(UInt8(ascii: ","))
    }

    /// A value that needs no escaping, as `true`.
    mutating func member(_ name: StaticString, word: StaticString) {
        self.name(name)
        put(UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
        put(UInt8(ascii: ","))
    }

    mutating func member(_ name: StaticString, json: [UInt8]) {
        self.name(name, room: json.count)
        json.withUnsafeBufferPointer { put($0) }
        put(UInt8(ascii: ","))
    }

    // MARK: - Bytes

    @inline(__always)
    private mutating func put(_ byte: UInt8) {
        out[count] = byte
        count &+= 1
    }

    /// Copies a part of what a writer wrote before.
    mutating func put(_ bytes: UnsafeBufferPointer<UInt8>, from: Int, to: Int) {
        put(UnsafeBufferPointer(rebasing: bytes[from..<to]))
    }

    @inline(__always)
    private mutating func put(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let base = bytes.baseAddress else { return }
        (out + count).update(from: base, count: bytes.count)
        count &+= bytes.count
    }

    /// Copies eight bytes at a time while none of them could need an escape.
    private mutating func escape(_ text: UnsafeBufferPointer<UInt8>) {
        let raw = UnsafeRawBufferPointer(text)
        var next = 0
        while next + 8 <= raw.count {
            let word = raw.loadUnaligned(fromByteOffset: next, as: UInt64.self)
            if !Self.mayNeedEscape(word) {
                UnsafeMutableRawPointer(out + count).storeBytes(of: word, as: UInt64.self)
                count &+= 8
                next &+= 8
            } else {
                let stop = next + 8
                while next < stop { next += escapeOne(raw, at: next) }
            }
        }
        while next < raw.count {
            let byte = text[next]
            if byte >= 0x20, byte < 0x7f, byte != 0x22, byte != 0x5c {
                put(byte)
                next &+= 1
            } else {
                next += escapeOne(raw, at: next)
            }
        }
    }

    /// Writes the byte at `place`, or the separator that begins there; answers how many bytes that were.
    private mutating func escapeOne(_ text: UnsafeRawBufferPointer, at place: Int) -> Int {
        let byte = text[place]
        switch byte {
        case 0x22, 0x5c:
            put(0x5c)
            put(byte)
        case 0x0a: putEscape(UInt8(ascii: "n"))
        case 0x0d: putEscape(UInt8(ascii: "r"))
        case 0x09: putEscape(UInt8(ascii: "t"))
        case 0..<0x20, 0x7f: putEscape(code: UInt16(byte))
        case 0xe2 where place + 2 < text.count && text[place + 1] == 0x80 && text[place + 2] & 0xfe == 0xa8:
            putEscape(code: 0x2028 | UInt16(text[place + 2] & 1))
            return 3
        default: put(byte)
        }
        return 1
    }

    private mutating func putEscape(_ letter: UInt8) {
        put(0x5c)
        put(letter)
    }

    private mutating func putEscape(code: UInt16) {
        putEscape(UInt8(ascii: "u"))
        for shift in stride(from: 12, through: 0, by: -4) {
            put(Hexadecimal.digit(UInt8(truncatingIfNeeded: code >> shift & 15)))
        }
    }

    /// Whether one of eight bytes is a control character, DEL, a quote, a backslash or the first of a separator.
    private static func mayNeedEscape(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops = ones << 7
        func hasZero(_ word: UInt64) -> UInt64 { (word &- ones) & ~word & tops }
        let control = (word &- ones &* 0x20) & ~word & tops
        return control | hasZero(word ^ ones &* 0x22) | hasZero(word ^ ones &* 0x5c) | hasZero(word ^ ones &* 0x7f)
            | hasZero(word ^ ones &* 0xe2) != 0
    }
}
