// SPDX-License-Identifier: Apache-2.0

/// A slice of the bytes that a message was parsed from, by offset: half open, in bytes, up to 4 GiB.
public struct ByteRange: Hashable, Sendable {
    /// The first byte's offset.
    public var lower: UInt32
    /// The offset behind the last byte.
    public var upper: UInt32

    /// - Precondition: `lower <= upper`.
    public init(lower: UInt32, upper: UInt32) {
        assert(lower <= upper, "a range ends where it begins or behind")
        self.lower = lower
        self.upper = upper
    }

    /// - Precondition: both offsets fit 32 bits, which the limits of a head see to.
    public init(_ range: Range<Int>) {
        lower = UInt32(truncatingIfNeeded: range.lowerBound)
        upper = UInt32(truncatingIfNeeded: range.upperBound)
    }

    /// No bytes, at the beginning.
    public static var empty: ByteRange { ByteRange(lower: 0, upper: 0) }

    /// Bytes in the slice.
    public var count: Int { Int(upper &- lower) }

    /// Whether there is no byte.
    public var isEmpty: Bool { lower == upper }

    /// As the standard library's range.
    public var range: Range<Int> { Int(lower)..<Int(upper) }

    /// The slice of `bytes`, which are those it was parsed from.
    public func of(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[range])
    }
}
