// SPDX-License-Identifier: Apache-2.0

extension UnsafeRawBufferPointer {
    /// Whether these are the bytes of `text`.
    @inline(__always)
    func equals(_ text: StaticString) -> Bool {
        matches(text, folding: 0)
    }

    /// Whether these are the bytes of `text`, letters in either case.
    ///
    /// A byte's 0x20 bit is not looked at, so `self` must be free of control characters: CR would pass as a hyphen.
    /// - Parameter text: of lower-case letters, digits and hyphens, all of which have that bit.
    @inline(__always)
    func equalsIgnoringCase(_ text: StaticString) -> Bool {
        matches(text, folding: 0x2020_2020_2020_2020)
    }

    /// Compares by words, the last one overlapping the one before it.
    @inline(__always)
    private func matches(_ text: StaticString, folding: UInt64) -> Bool {
        guard count == text.utf8CodeUnitCount, let base = baseAddress else { return false }
        let expected = UnsafeRawPointer(text.utf8Start)
        if count >= 8 {
            var difference: UInt64 = 0
            var at = 0
            while at < count {
                let offset = Swift.min(at, count - 8)
                difference |=
                    (base.loadUnaligned(fromByteOffset: offset, as: UInt64.self) | folding)
                    ^ expected.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                at += 8
            }
            return difference == 0
        }
        let folding = UInt32(truncatingIfNeeded: folding)
        if count >= 4 {
            let last = count - 4
            return
                ((base.loadUnaligned(as: UInt32.self) | folding) ^ expected.loadUnaligned(as: UInt32.self))
                | ((base.loadUnaligned(fromByteOffset: last, as: UInt32.self) | folding)
                    ^ expected.loadUnaligned(fromByteOffset: last, as: UInt32.self)) == 0
        }
        for at in 0..<count where self[at] | UInt8(truncatingIfNeeded: folding) != text.utf8Start[at] { return false }
        return true
    }

    /// Whether both are the same text but for the case of ASCII letters.
    func equalsIgnoringCase(_ other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        for at in 0..<count where ByteClass.lowercased(self[at]) != ByteClass.lowercased(other[at]) { return false }
        return true
    }
}
