// SPDX-License-Identifier: Apache-2.0

/// A content coding of HTTP (RFC 9110, section 8.4.1).
public enum ContentCoding: String, CaseIterable, Sendable {
    /// RFC 1952, several members included.
    case gzip
    /// RFC 1950, the zlib format, as the name means there.
    case deflate

    /// The coding that a `Content-Encoding` names; nil for any other, and for several.
    public init?(named field: UnsafeRawBufferPointer) {
        guard let found = Self.allCases.first(where: { field.isWord($0.rawValue) }) else {
            guard field.isWord("x-gzip") else { return nil }
            self = .gzip
            return
        }
        self = found
    }

    /// Whether a `Content-Encoding` names no coding at all.
    public static func isIdentity(_ field: UnsafeRawBufferPointer) -> Bool { field.isWord("identity") || field.isEmpty }

    /// The coding that an `Accept-Encoding` takes, gzip before deflate (RFC 9110, section 12.5.3); allocates nothing.
    public static func accepted(by field: UnsafeRawBufferPointer) -> ContentCoding? {
        var takesDeflate = false
        var start = 0
        while start < field.count {
            var end = start
            while end < field.count, field[end] != UInt8(ascii: ",") { end += 1 }
            let element = UnsafeRawBufferPointer(rebasing: field[start..<end])
            start = end + 1
            var length = 0
            while length < element.count, element[length] != UInt8(ascii: ";") { length += 1 }
            let name = UnsafeRawBufferPointer(rebasing: element[..<length]).trimmed
            guard !isRefused(UnsafeRawBufferPointer(rebasing: element[length...])) else { continue }
            if name.isWord("gzip") || name.isWord("*") { return .gzip }
            if name.isWord("deflate") { takesDeflate = true }
        }
        return takesDeflate ? .deflate : nil
    }

    /// Whether the weight is 0: `;q=0`, `; q=0.000`.
    private static func isRefused(_ parameters: UnsafeRawBufferPointer) -> Bool {
        guard let equals = parameters.firstIndex(of: UInt8(ascii: "=")) else { return false }
        return parameters[(equals + 1)...].allSatisfy { $0 == 0x30 || $0 == 0x2e || $0 == 0x20 || $0 == 0x09 }
    }

    /// For zlib: the base-2 logarithm of the window, and which frame is around it.
    var windowBits: Int32 { self == .gzip ? 15 + 16 : 15 }
}

extension UnsafeRawBufferPointer {
    fileprivate var trimmed: UnsafeRawBufferPointer {
        var range = startIndex..<endIndex
        while !range.isEmpty, self[range.lowerBound] == 0x20 || self[range.lowerBound] == 0x09 {
            range = range.lowerBound + 1..<range.upperBound
        }
        while !range.isEmpty, self[range.upperBound - 1] == 0x20 || self[range.upperBound - 1] == 0x09 {
            range = range.lowerBound..<range.upperBound - 1
        }
        return UnsafeRawBufferPointer(rebasing: self[range])
    }

    /// Whether the bytes are that word, which is lower case, whatever case they are in (ASCII).
    fileprivate func isWord(_ word: String) -> Bool {
        let utf8 = word.utf8
        guard utf8.count == count else { return false }
        var index = 0
        for letter in utf8 {
            let byte = self[index]
            guard (byte &- 0x41 < 26 ? byte | 0x20 : byte) == letter else { return false }
            index += 1
        }
        return true
    }
}
