// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Steps over the members of one record's JSON where it lies, without a copy or an allocation.
///
/// It takes the canonical form only, as <doc:Record> says it: no spaces, names in strictly ascending byte order and
/// without escapes, integers of 64 bits, the encoder's escapes. Whatever it takes is JSON that a general parser reads
/// the same; what it refuses may still be JSON. Only ``end()`` tells that all of a record was taken.
struct RecordScanner {
    enum Value {
        /// What is between the quotes; as the text itself only when nothing in it is escaped.
        case text(UnsafeRawBufferPointer, isEscaped: Bool)
        case integer(Int64)
        /// `true`, `false`, `null`, an array.
        case other
        /// Stands in front of its first member, or behind an empty one.
        case object
    }

    /// Levels of nesting that are followed, the record's own among them.
    static let depth = 40

    private let bytes: UnsafeRawBufferPointer
    private var place = 0
    /// All bytes seen in texts: the top bit tells whether there is more than ASCII.
    private var seen: UInt64 = 0
    /// Whether the last text holds an escape.
    private var isEscaped = false

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// Enters an object and hands its members, in order, to `body`, which has the value read by ``value(level:)``
    /// and answers whether it was canonical. False when something was not.
    @inline(__always)
    mutating func members(_ body: (inout RecordScanner, UnsafeRawBufferPointer) -> Bool) -> Bool {
        guard take(UInt8(ascii: "{")) else { return false }
        if take(UInt8(ascii: "}")) { return true }
        var last = UnsafeRawBufferPointer(start: nil, count: 0)
        repeat {
            guard take(UInt8(ascii: "\"")), case let name = text(), name.baseAddress != nil, !isEscaped,
                take(UInt8(ascii: ":")), last.baseAddress == nil || Self.precedes(last, name), body(&self, name)
            else { return false }
            last = name
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "}"))
    }

    /// Reads the value here, with all that is in it; nil when it is not canonical.
    mutating func value(level: Int = 1) -> Value? {
        guard place < bytes.count else { return nil }
        switch bytes[place] {
        case UInt8(ascii: "\""):
            place += 1
            let text = text()
            return text.baseAddress == nil ? nil : .text(text, isEscaped: isEscaped)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return integer().map { .integer($0) }
        case UInt8(ascii: "{"):
            guard level < Self.depth else { return nil }
            return members { scanner, _ in scanner.value(level: level + 1) != nil } ? .object : nil
        case UInt8(ascii: "["):
            guard level < Self.depth else { return nil }
            return elements(level: level + 1) ? .other : nil
        case UInt8(ascii: "t"): return take("true") ? .other : nil
        case UInt8(ascii: "f"): return take("false") ? .other : nil
        case UInt8(ascii: "n"): return take("null") ? .other : nil
        default: return nil
        }
    }

    /// Whether an object begins here.
    var isAtObject: Bool { place < bytes.count && bytes[place] == UInt8(ascii: "{") }

    /// Whether the record ends here and all texts in it are valid UTF-8.
    func end() -> Bool {
        guard place == bytes.count else { return false }
        guard seen & 0x8080_8080_8080_8080 != 0 else { return true }
        return (try? UTF8Span(validating: bytes.assumingMemoryBound(to: UInt8.self).span)) != nil
    }

    // MARK: - Values

    private mutating func elements(level: Int) -> Bool {
        place += 1
        if take(UInt8(ascii: "]")) { return true }
        repeat {
            guard value(level: level) != nil else { return false }
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "]"))
    }

    /// The text whose opening quote is behind, without a base when it is not canonical; eight bytes at a time while
    /// none of them ends it.
    private mutating func text() -> UnsafeRawBufferPointer {
        guard let base = bytes.baseAddress else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let start = place
        var next = start
        var seen: UInt64 = 0
        isEscaped = false
        while true {
            while next + 8 <= bytes.count {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: next, as: UInt64.self))
                seen |= word
                let marks = Self.marks(word)
                if marks != 0 {
                    next += marks.trailingZeroBitCount >> 3
                    break
                }
                next += 8
            }
            guard next < bytes.count else { break }
            let byte = bytes[next]
            next += 1
            if byte == UInt8(ascii: "\"") {
                self.seen |= seen
                place = next
                return UnsafeRawBufferPointer(start: base + start, count: next - 1 - start)
            } else if byte == UInt8(ascii: "\\") {
                place = next
                guard escape() else { break }
                next = place
                isEscaped = true
            } else if byte < 0x20 {
                break
            } else {
                seen |= UInt64(byte)
            }
        }
        return UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// The rest of an escape; of `\u` only codes up to U+00FF and from U+2000 to U+20FF, among which are all that the
    /// encoder writes.
    private mutating func escape() -> Bool {
        guard place < bytes.count else { return false }
        let letter = bytes[place]
        place += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return true
        case UInt8(ascii: "u"):
            guard place + 4 <= bytes.count, bytes[place] == 48 || bytes[place] == 50, bytes[place + 1] == 48,
                Self.isDigit(bytes[place + 2]), Self.isDigit(bytes[place + 3])
            else { return false }
            place += 4
            return true
        default: return false
        }
    }

    private mutating func integer() -> Int64? {
        let isNegative = take(UInt8(ascii: "-"))
        let start = place
        let end = min(bytes.count, start + 19)
        var place = start
        var magnitude: UInt64 = 0
        // 19 digits cannot overflow 64 bits without a sign.
        while place < end, case let digit = bytes[place] &- 48, digit < 10 {
            magnitude = magnitude &* 10 &+ UInt64(digit)
            place += 1
        }
        self.place = place
        guard place > start, bytes[start] != 48 || place == start + 1 && !isNegative, place < bytes.count else {
            return nil
        }
        switch bytes[place] {
        case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"): break
        default: return nil
        }
        guard isNegative else { return Int64(exactly: magnitude) }
        return magnitude <= Int64.min.magnitude ? Int64(truncatingIfNeeded: 0 &- magnitude) : nil
    }

    // MARK: - Bytes

    @inline(__always)
    private mutating func take(_ byte: UInt8) -> Bool {
        guard place < bytes.count, bytes[place] == byte else { return false }
        place += 1
        return true
    }

    private mutating func take(_ word: StaticString) -> Bool {
        for i in 0..<word.utf8CodeUnitCount where !take(word.utf8Start[i]) { return false }
        return true
    }

    private static func precedes(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
        // Most names differ in the first byte.
        if let first = a.first, let other = b.first, first != other { return first < other }
        guard let start = a.baseAddress, let other = b.baseAddress else { return false }
        let order = memcmp(start, other, min(a.count, b.count))
        return order < 0 || order == 0 && a.count < b.count
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) || (97...102).contains(byte) }

    /// The top bit of the first byte that is a control character, a quote or a backslash; 0 when there is none. Bits
    /// above it mean nothing.
    private static func marks(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = word ^ ones &* 0x22
        let backslash = word ^ ones &* 0x5c
        return
            ((word &- ones &* 0x20) & ~word | (quote &- ones) & ~quote | (backslash &- ones) & ~backslash)
            & (ones << 7)
    }
}
