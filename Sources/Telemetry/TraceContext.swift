// SPDX-License-Identifier: Apache-2.0

/// The `traceparent` header: which trace a request belongs to (W3C Trace Context, version 00, section 3.2).
public struct TraceContext: Hashable, Sendable {
    /// The trace, 16 bytes never zero.
    public let traceID: TraceID
    /// The caller's span, 8 bytes; never zero.
    public let parentID: UInt64
    /// Whether the caller may have recorded the trace; the only flag of version 00.
    public let sampled: Bool

    /// Sixteen bytes as two words, the first bytes in ``high``.
    public struct TraceID: Hashable, Sendable, CustomStringConvertible {
        /// The first eight bytes.
        public let high: UInt64
        /// The last eight bytes.
        public let low: UInt64

        /// Any sixteen bytes, zero included.
        public init(high: UInt64, low: UInt64) {
            self.high = high
            self.low = low
        }

        /// 32 lower-case hexadecimal digits.
        public var description: String { hexadecimal(high) + hexadecimal(low) }
    }

    /// nil when an id is zero, which the standard forbids.
    public init?(traceID: TraceID, parentID: UInt64, sampled: Bool) {
        guard traceID.high | traceID.low != 0, parentID != 0 else { return nil }
        self.traceID = traceID
        self.parentID = parentID
        self.sampled = sampled
    }

    /// Reads a header's value; nil when it is not valid, and then the trace begins here.
    ///
    /// Of a version above 00 the part that version 00 knows is read, as section 4.2 asks; version ff is not valid.
    public init?(_ value: some Collection<UInt8>) {
        let parsed = value.withContiguousStorageIfAvailable(Self.parse)
        guard let context = parsed ?? Array(value).withUnsafeBufferPointer(Self.parse) else { return nil }
        self = context
    }

    private static let length = 55

    private static func parse(_ text: UnsafeBufferPointer<UInt8>) -> TraceContext? {
        guard text.count >= length, text[2] == dash, text[35] == dash, text[52] == dash,
            let version = number(text, 0, 2), version != 0xff,
            text.count == length || (version > 0 && text[length] == dash),
            let high = number(text, 3, 16), let low = number(text, 19, 16), let parent = number(text, 36, 16),
            let flags = number(text, 53, 2)
        else { return nil }
        return TraceContext(traceID: TraceID(high: high, low: low), parentID: parent, sampled: flags & 1 == 1)
    }

    private static let dash = UInt8(ascii: "-")

    /// Lower-case hexadecimal digits only: the standard forbids upper case.
    private static func number(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ count: Int) -> UInt64? {
        var value: UInt64 = 0
        for byte in text[start..<start + count] {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            default: return nil
            }
            value = value << 4 | UInt64(digit)
        }
        return value
    }
}

extension TraceContext: CustomStringConvertible {
    /// The header's value in version 00: `00-` trace `-` parent `-` flags.
    public var description: String {
        "00-\(traceID)-\(hexadecimal(parentID))-\(sampled ? "01" : "00")"
    }
}

private func hexadecimal(_ word: UInt64) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}
