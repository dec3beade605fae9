// SPDX-License-Identifier: Apache-2.0

/// Lower-case hexadecimal (RFC 4648, section 8, in small letters).
public enum Hexadecimal {
    /// The ASCII digit of a value from 0 to 15.
    @inlinable
    public static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }

    /// Two digits for each byte.
    public static func text(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.flatMap { [digit($0 >> 4), digit($0 & 15)] }, as: UTF8.self)
    }
}
